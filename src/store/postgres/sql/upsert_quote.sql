-- An expired sandbox quote gets the new times. Any other existing quote is not changed. If there is an idempotency
-- record to insert and its name is taken, nothing is written.
WITH record AS (
    INSERT INTO kept_answers AS existing (name, fingerprint, status, location, body, kept_at, expires_at)
    SELECT $16::bytea, $17::bytea, $18::bigint, $19::text, $20::text, $21::timestamptz, $22::timestamptz
    WHERE $16 IS NOT NULL
    ON CONFLICT (name) DO UPDATE
    SET fingerprint = excluded.fingerprint, status = excluded.status, location = excluded.location,
        body = excluded.body, kept_at = excluded.kept_at, expires_at = excluded.expires_at
    WHERE existing.expires_at <= excluded.kept_at
    RETURNING name
)
INSERT INTO quotes AS existing (
    id, org_id, mode, external_ref, destination, asset, user_sends, recipient_gets, fee_total_usd,
    from_network, to_network, estimated_seconds, seconds_after_broadcast, created_at, expires_at
)
SELECT
    $1::text, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7::text::numeric, $8::text::numeric,
    $9::text::numeric, $10::text, $11::text, $12::bigint, $13::bigint, $14::timestamptz, $15::timestamptz
WHERE ($16 IS NULL OR EXISTS (SELECT FROM record))
ON CONFLICT (id) DO UPDATE
SET created_at = CASE WHEN existing.mode = 'test' AND existing.expires_at <= excluded.created_at
        THEN excluded.created_at ELSE existing.created_at END,
    expires_at = CASE WHEN existing.mode = 'test' AND existing.expires_at <= excluded.created_at
        THEN excluded.expires_at ELSE existing.expires_at END
RETURNING
    id AS quote_id, org_id, mode, external_ref, destination, asset, user_sends::text, recipient_gets::text,
    fee_total_usd::text, from_network, to_network, estimated_seconds, seconds_after_broadcast, created_at, expires_at
