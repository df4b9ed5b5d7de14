-- Answers to requests with an idempotency key: what is answered when such a request comes again. `name` is a digest of
-- organisation, mode and key, `fingerprint` one of everything the request said.
CREATE TABLE kept_answers (
    name        BLOB PRIMARY KEY CHECK (length(name) = 32),
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    status      INTEGER NOT NULL CHECK (status BETWEEN 200 AND 499),
    location    TEXT,
    body        TEXT NOT NULL,
    kept_at     INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What forgets them reads.
CREATE INDEX kept_answers_expiry ON kept_answers (expires_at);
