-- Inserts an endpoint, unless the account has reached the limit, or there is an idempotency record to insert and its
-- name is taken.
WITH capacity AS (
    SELECT 1 WHERE (SELECT count(*) FROM webhook_endpoints WHERE org_id = $2 AND mode = $3) < $9::bigint
), record AS (
    INSERT INTO kept_answers AS existing (name, fingerprint, status, location, body, kept_at, expires_at)
    SELECT $10::bytea, $11::bytea, $12::bigint, $13::text, $14::text, $15::timestamptz, $16::timestamptz
    WHERE $10 IS NOT NULL AND EXISTS (SELECT FROM capacity)
    ON CONFLICT (name) DO UPDATE
    SET fingerprint = excluded.fingerprint, status = excluded.status, location = excluded.location,
        body = excluded.body, kept_at = excluded.kept_at, expires_at = excluded.expires_at
    WHERE existing.expires_at <= excluded.kept_at
    RETURNING name
)
INSERT INTO webhook_endpoints (id, org_id, mode, url, description, types, secret, created_at)
SELECT $1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7::text, $8::timestamptz
WHERE EXISTS (SELECT FROM capacity) AND ($10 IS NULL OR EXISTS (SELECT FROM record))
RETURNING id
