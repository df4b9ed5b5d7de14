SELECT
    id, org_id, mode, quote_id, tracking_token, external_ref, destination, asset, user_sends,
    recipient_gets, fee_total_usd, from_network, to_network, estimated_seconds, seconds_after_broadcast,
    created_at, version
FROM payouts
WHERE id IN (SELECT unhex(value) FROM json_each($1))
