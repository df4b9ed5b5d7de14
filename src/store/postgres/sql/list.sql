-- A page of an account's payouts, newest first.
SELECT
    id, org_id, mode, quote_id, tracking_token, external_ref, destination, asset, user_sends::text,
    recipient_gets::text, fee_total_usd::text, from_network, to_network, estimated_seconds, seconds_after_broadcast,
    created_at, version
FROM payouts
WHERE org_id = $1 AND mode = $2
    AND (created_at, id) < ($3, $4) AND created_at >= $5
    AND status = ANY ($6)
    AND ($7::boolean IS NULL OR $7 = (status IN ('pending', 'broadcast') AND (late OR estimated_delivery_at <= $8)))
ORDER BY created_at DESC, id DESC
LIMIT $9
