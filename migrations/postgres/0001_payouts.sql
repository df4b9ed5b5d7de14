CREATE TABLE orgs (
    id         uuid PRIMARY KEY,
    name       text NOT NULL UNIQUE CHECK (name <> ''),
    created_at timestamptz NOT NULL
);

CREATE TABLE api_keys (
    id         uuid PRIMARY KEY,
    org_id     uuid NOT NULL REFERENCES orgs (id),
    mode       text NOT NULL CHECK (mode IN ('live', 'test')),
    digest     bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    hint       text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz
);

CREATE TABLE quotes (
    id                      text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 128),
    org_id                  uuid NOT NULL,
    mode                    text NOT NULL CHECK (mode IN ('live', 'test')),
    external_ref            text NOT NULL,
    destination             text NOT NULL,
    asset                   text NOT NULL,
    user_sends              numeric(38, 18) NOT NULL CHECK (user_sends >= 0),
    recipient_gets          numeric(38, 18) NOT NULL CHECK (recipient_gets >= 0),
    fee_total_usd           numeric(38, 18) NOT NULL CHECK (fee_total_usd >= 0),
    from_network            text NOT NULL,
    to_network              text NOT NULL,
    estimated_seconds       bigint NOT NULL CHECK (estimated_seconds >= 0),
    seconds_after_broadcast bigint NOT NULL CHECK (seconds_after_broadcast >= 0),
    created_at              timestamptz NOT NULL,
    expires_at              timestamptz NOT NULL
);

-- One row per payout: the terms, which never change, and the state as of the last commit. The row itself is the record
-- of the creation (version 1, sequence 1); the journal begins at version 2. That quote_id is unique is what makes a
-- quote single-use.
CREATE TABLE payouts (
    id                      uuid PRIMARY KEY,
    org_id                  uuid NOT NULL,
    mode                    text NOT NULL CHECK (mode IN ('live', 'test')),
    quote_id                text NOT NULL UNIQUE,
    tracking_token          uuid NOT NULL UNIQUE,
    external_ref            text NOT NULL,
    destination             text NOT NULL,
    asset                   text NOT NULL,
    user_sends              numeric(38, 18) NOT NULL CHECK (user_sends >= 0),
    recipient_gets          numeric(38, 18) NOT NULL CHECK (recipient_gets >= 0),
    fee_total_usd           numeric(38, 18) NOT NULL CHECK (fee_total_usd >= 0),
    from_network            text NOT NULL,
    to_network              text NOT NULL,
    estimated_seconds       bigint NOT NULL CHECK (estimated_seconds >= 0),
    seconds_after_broadcast bigint NOT NULL CHECK (seconds_after_broadcast >= 0),
    created_at              timestamptz NOT NULL,
    status                  text NOT NULL CHECK (status IN ('pending', 'broadcast', 'delivered', 'failed')),
    version                 bigint NOT NULL CHECK (version >= 1),
    sequence                bigint NOT NULL CHECK (sequence >= 1),
    estimated_delivery_at   timestamptz,
    late                    boolean NOT NULL,
    attention               text,
    updated_at              timestamptz NOT NULL
) WITH (fillfactor = 70);

-- What the sweep for passed deadlines reads.
CREATE INDEX payouts_due ON payouts (estimated_delivery_at)
    WHERE status IN ('pending', 'broadcast') AND NOT late;

-- Every recorded input. json, not jsonb: it keeps the text as it was written, and accepts every string JSON does.
CREATE TABLE journal (
    payout_id   uuid NOT NULL,
    version     bigint NOT NULL CHECK (version >= 2),
    recorded_at timestamptz NOT NULL,
    source      text,
    report_id   text,
    outcome     text NOT NULL CHECK (outcome IN ('applied', 'unchanged', 'refused')),
    entry       json NOT NULL,
    PRIMARY KEY (payout_id, version)
);

CREATE TABLE outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payout_id   uuid NOT NULL,
    sequence    bigint NOT NULL CHECK (sequence >= 1),
    mode        text NOT NULL CHECK (mode IN ('live', 'test')),
    kind        text NOT NULL,
    routing_key text NOT NULL,
    body        text NOT NULL,
    traceparent text,
    created_at  timestamptz NOT NULL
) WITH (
    -- Rows live for moments: compressing their bodies and moving them out of line is wasted work.
    toast_tuple_target = 8160,
    -- A queue: what matters is how many rows died, not which share of a table that is mostly empty.
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_threshold = -1,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 50000
);

-- The sandbox's messages are few and must be found behind any number of live ones that wait for a broker.
CREATE INDEX outbox_sandbox ON outbox (id) WHERE mode = 'test';

CREATE TABLE parked_reports (
    payout_id   uuid NOT NULL,
    source      text NOT NULL,
    report_id   text NOT NULL,
    body        text NOT NULL,
    traceparent text,
    parked_at   timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (payout_id, source, report_id)
);

CREATE INDEX parked_reports_expiry ON parked_reports (expires_at);

CREATE TABLE planned_reports (
    payout_id uuid NOT NULL,
    step      bigint NOT NULL CHECK (step >= 0),
    due_at    timestamptz NOT NULL,
    body      text NOT NULL,
    PRIMARY KEY (payout_id, step)
);

CREATE INDEX planned_reports_due ON planned_reports (due_at, payout_id, step);

CREATE TABLE settings (
    name  text PRIMARY KEY,
    value text NOT NULL
);
