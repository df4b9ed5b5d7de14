-- Where partners want to be told. `types` are names separated by spaces. The secrets must be readable: they sign.
CREATE TABLE webhook_endpoints (
    id                    uuid PRIMARY KEY,
    org_id                uuid NOT NULL,
    mode                  text NOT NULL CHECK (mode IN ('live', 'test')),
    url                   text NOT NULL,
    description           text NOT NULL,
    types                 text NOT NULL CHECK (types <> ''),
    secret                text NOT NULL,
    previous_secret       text,
    previous_secret_until timestamptz,
    created_at            timestamptz NOT NULL,
    disabled_at           timestamptz,
    disabled_reason       text,
    failing_since         timestamptz,
    CHECK ((previous_secret IS NULL) = (previous_secret_until IS NULL)),
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);

CREATE INDEX webhook_endpoints_owner ON webhook_endpoints (org_id, mode);

-- One row per endpoint and change, written by the statement that commits the change. What is sent is rendered from the
-- journal, so the row is small and a delivery is the same whenever it is sent.
CREATE TABLE webhook_deliveries (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id     uuid NOT NULL,
    payout_id       uuid NOT NULL,
    sequence        bigint NOT NULL CHECK (sequence >= 1),
    type            text NOT NULL,
    status          text NOT NULL CHECK (status IN ('waiting', 'succeeded', 'failed', 'skipped')),
    attempts        bigint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    log             text NOT NULL DEFAULT '[]',
    UNIQUE (endpoint_id, payout_id, sequence)
) WITH (fillfactor = 70);

-- What the sender reads.
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_attempt_at) WHERE status = 'waiting';

-- What partners read: an endpoint's deliveries, newest first.
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (endpoint_id, id);
