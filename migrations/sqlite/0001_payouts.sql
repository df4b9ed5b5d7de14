CREATE TABLE orgs (
    id         BLOB PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE CHECK (name <> ''),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    id         BLOB PRIMARY KEY,
    org_id     BLOB NOT NULL REFERENCES orgs (id),
    mode       TEXT NOT NULL CHECK (mode IN ('live', 'test')),
    digest     BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    hint       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT;

CREATE TABLE quotes (
    id                      TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 128),
    org_id                  BLOB NOT NULL,
    mode                    TEXT NOT NULL CHECK (mode IN ('live', 'test')),
    external_ref            TEXT NOT NULL,
    destination             TEXT NOT NULL,
    asset                   TEXT NOT NULL,
    user_sends              TEXT NOT NULL,
    recipient_gets          TEXT NOT NULL,
    fee_total_usd           TEXT NOT NULL,
    from_network            TEXT NOT NULL,
    to_network              TEXT NOT NULL,
    estimated_seconds       INTEGER NOT NULL CHECK (estimated_seconds >= 0),
    seconds_after_broadcast INTEGER NOT NULL CHECK (seconds_after_broadcast >= 0),
    created_at              INTEGER NOT NULL,
    expires_at              INTEGER NOT NULL
) STRICT;

-- One row per payout: the terms, which never change, and the state as of the last commit. The row itself is the record
-- of the creation (version 1, sequence 1); the journal begins at version 2. That quote_id is unique is what makes a
-- quote single-use.
CREATE TABLE payouts (
    id                      BLOB PRIMARY KEY,
    org_id                  BLOB NOT NULL,
    mode                    TEXT NOT NULL CHECK (mode IN ('live', 'test')),
    quote_id                TEXT NOT NULL UNIQUE,
    tracking_token          BLOB NOT NULL UNIQUE,
    external_ref            TEXT NOT NULL,
    destination             TEXT NOT NULL,
    asset                   TEXT NOT NULL,
    user_sends              TEXT NOT NULL,
    recipient_gets          TEXT NOT NULL,
    fee_total_usd           TEXT NOT NULL,
    from_network            TEXT NOT NULL,
    to_network              TEXT NOT NULL,
    estimated_seconds       INTEGER NOT NULL CHECK (estimated_seconds >= 0),
    seconds_after_broadcast INTEGER NOT NULL CHECK (seconds_after_broadcast >= 0),
    created_at              INTEGER NOT NULL,
    status                  TEXT NOT NULL CHECK (status IN ('pending', 'broadcast', 'delivered', 'failed')),
    version                 INTEGER NOT NULL CHECK (version >= 1),
    sequence                INTEGER NOT NULL CHECK (sequence >= 1),
    estimated_delivery_at   INTEGER,
    late                    INTEGER NOT NULL CHECK (late IN (0, 1)),
    attention               TEXT,
    updated_at              INTEGER NOT NULL
) STRICT;

-- What the sweep for passed deadlines reads.
CREATE INDEX payouts_due ON payouts (estimated_delivery_at)
    WHERE status IN ('pending', 'broadcast') AND NOT late;

-- Every recorded input.
CREATE TABLE journal (
    payout_id   BLOB NOT NULL,
    version     INTEGER NOT NULL CHECK (version >= 2),
    recorded_at INTEGER NOT NULL,
    source      TEXT,
    report_id   TEXT,
    outcome     TEXT NOT NULL CHECK (outcome IN ('applied', 'unchanged', 'refused')),
    entry       TEXT NOT NULL,
    PRIMARY KEY (payout_id, version)
) STRICT;

CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    payout_id   BLOB NOT NULL,
    sequence    INTEGER NOT NULL CHECK (sequence >= 1),
    mode        TEXT NOT NULL CHECK (mode IN ('live', 'test')),
    kind        TEXT NOT NULL,
    routing_key TEXT NOT NULL,
    body        TEXT NOT NULL,
    traceparent TEXT,
    created_at  INTEGER NOT NULL
) STRICT;

-- The sandbox's messages are few and must be found behind any number of live ones that wait for a broker.
CREATE INDEX outbox_sandbox ON outbox (id) WHERE mode = 'test';

CREATE TABLE parked_reports (
    payout_id   BLOB NOT NULL,
    source      TEXT NOT NULL,
    report_id   TEXT NOT NULL,
    body        TEXT NOT NULL,
    traceparent TEXT,
    parked_at   INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (payout_id, source, report_id)
) STRICT;

CREATE INDEX parked_reports_expiry ON parked_reports (expires_at);

CREATE TABLE planned_reports (
    payout_id BLOB NOT NULL,
    step      INTEGER NOT NULL CHECK (step >= 0),
    due_at    INTEGER NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (payout_id, step)
) STRICT;

CREATE INDEX planned_reports_due ON planned_reports (due_at, payout_id, step);

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
