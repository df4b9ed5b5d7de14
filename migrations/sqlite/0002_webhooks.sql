-- Where partners want to be told. `types` are names separated by spaces. The secrets must be readable: they sign.
CREATE TABLE webhook_endpoints (
    id                    BLOB PRIMARY KEY,
    org_id                BLOB NOT NULL,
    mode                  TEXT NOT NULL CHECK (mode IN ('live', 'test')),
    url                   TEXT NOT NULL,
    description           TEXT NOT NULL,
    types                 TEXT NOT NULL CHECK (types <> ''),
    secret                TEXT NOT NULL,
    previous_secret       TEXT,
    previous_secret_until INTEGER,
    created_at            INTEGER NOT NULL,
    disabled_at           INTEGER,
    disabled_reason       TEXT,
    failing_since         INTEGER,
    CHECK ((previous_secret IS NULL) = (previous_secret_until IS NULL)),
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
) STRICT;

CREATE INDEX webhook_endpoints_owner ON webhook_endpoints (org_id, mode);

-- One row per endpoint and change, written by the transaction that commits the change. What is sent is rendered from the
-- journal, so the row is small and a delivery is the same whenever it is sent.
CREATE TABLE webhook_deliveries (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint_id     BLOB NOT NULL,
    payout_id       BLOB NOT NULL,
    sequence        INTEGER NOT NULL CHECK (sequence >= 1),
    type            TEXT NOT NULL,
    status          TEXT NOT NULL CHECK (status IN ('waiting', 'succeeded', 'failed', 'skipped')),
    attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    log             TEXT NOT NULL DEFAULT '[]',
    UNIQUE (endpoint_id, payout_id, sequence)
) STRICT;

-- What the sender reads.
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_attempt_at) WHERE status = 'waiting';

-- What partners read: an endpoint's deliveries, newest first.
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (endpoint_id, id);
