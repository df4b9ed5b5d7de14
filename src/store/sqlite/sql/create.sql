-- A payout whose quote is used is not inserted.
INSERT INTO payouts (
    id, org_id, mode, quote_id, tracking_token, external_ref, destination, asset, user_sends,
    recipient_gets, fee_total_usd, from_network, to_network, estimated_seconds, seconds_after_broadcast, created_at,
    status, version, sequence, estimated_delivery_at, late, updated_at
)
SELECT
    unhex(value ->> 'id'), unhex(value ->> 'org_id'), value ->> 'mode', value ->> 'quote_id',
    unhex(value ->> 'tracking_token'), value ->> 'external_ref', value ->> 'destination', value ->> 'asset',
    value ->> 'user_sends', value ->> 'recipient_gets', value ->> 'fee_total_usd', value ->> 'from_network',
    value ->> 'to_network', value ->> 'estimated_seconds', value ->> 'seconds_after_broadcast', value ->> 'created_at',
    'pending', 1, 1, value ->> 'estimated_delivery_at', 0, value ->> 'created_at'
FROM json_each($1)
WHERE true
ORDER BY key
ON CONFLICT DO NOTHING
RETURNING id, quote_id
