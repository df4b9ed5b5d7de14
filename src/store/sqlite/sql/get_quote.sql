SELECT
    id AS quote_id, org_id, mode, external_ref, destination, asset, user_sends, recipient_gets,
    fee_total_usd, from_network, to_network, estimated_seconds, seconds_after_broadcast, created_at, expires_at
FROM quotes
WHERE id = $1
