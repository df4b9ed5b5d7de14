SELECT
    id, org_id, mode, quote_id, tracking_token, external_ref, destination, asset, user_sends::text,
    recipient_gets::text, fee_total_usd::text, from_network, to_network, estimated_seconds, seconds_after_broadcast,
    created_at, version
FROM payouts
WHERE id = ANY ($1)
