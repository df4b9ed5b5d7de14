-- Answers to requests with an idempotency key: what is answered when such a request comes again. `name` is a digest of
-- organisation, mode and key, `fingerprint` one of everything the request said.
CREATE TABLE kept_answers (
    name        bytea PRIMARY KEY CHECK (octet_length(name) = 32),
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    status      bigint NOT NULL CHECK (status BETWEEN 200 AND 499),
    location    text,
    body        text NOT NULL,
    kept_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);

-- What forgets them reads.
CREATE INDEX kept_answers_expiry ON kept_answers (expires_at);
