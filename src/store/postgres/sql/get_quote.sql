SELECT
    id AS quote_id, org_id, mode, external_ref, destination, asset, user_sends::text, recipient_gets::text,
    fee_total_usd::text, from_network, to_network, estimated_seconds, seconds_after_broadcast, created_at, expires_at
FROM quotes
WHERE id = $1
