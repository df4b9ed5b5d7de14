-- Keeps an endpoint unless its owner has enough of them, or an answer is to be kept and its name is taken.
WITH room AS (
    SELECT 1 WHERE (SELECT count(*) FROM webhook_endpoints WHERE org_id = $2 AND mode = $3) < $9::bigint
), answered AS (
    INSERT INTO kept_answers AS kept (name, fingerprint, status, location, body, kept_at, expires_at)
    SELECT $10::bytea, $11::bytea, $12::bigint, $13::text, $14::text, $15::timestamptz, $16::timestamptz
    WHERE $10 IS NOT NULL AND EXISTS (SELECT FROM room)
    ON CONFLICT (name) DO UPDATE
    SET fingerprint = excluded.fingerprint, status = excluded.status, location = excluded.location,
        body = excluded.body, kept_at = excluded.kept_at, expires_at = excluded.expires_at
    WHERE kept.expires_at <= excluded.kept_at
    RETURNING name
)
INSERT INTO webhook_endpoints (id, org_id, mode, url, description, types, secret, created_at)
SELECT $1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7::text, $8::timestamptz
WHERE EXISTS (SELECT FROM room) AND ($10 IS NULL OR EXISTS (SELECT FROM answered))
RETURNING id
