-- Replaces the secret, unless there is an idempotency record to insert and its name is taken.
WITH endpoint AS (
    SELECT 1 FROM webhook_endpoints WHERE id = $1 FOR UPDATE
), record AS (
    INSERT INTO kept_answers AS existing (name, fingerprint, status, location, body, kept_at, expires_at)
    SELECT $4::bytea, $5::bytea, $6::bigint, $7::text, $8::text, $9::timestamptz, $10::timestamptz
    WHERE $4 IS NOT NULL AND EXISTS (SELECT FROM endpoint)
    ON CONFLICT (name) DO UPDATE
    SET fingerprint = excluded.fingerprint, status = excluded.status, location = excluded.location,
        body = excluded.body, kept_at = excluded.kept_at, expires_at = excluded.expires_at
    WHERE existing.expires_at <= excluded.kept_at
    RETURNING name
)
UPDATE webhook_endpoints
SET previous_secret = secret, previous_secret_until = $3, secret = $2
WHERE id = $1 AND ($4 IS NULL OR EXISTS (SELECT FROM record))
RETURNING id
