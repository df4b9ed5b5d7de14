-- A page of an account's payouts that are not delivered, newest first. The condition on `delivered` is redundant, but
-- the planner needs it to use the partial index.
SELECT
    id, org_id, mode, quote_id, tracking_token, external_ref, destination, asset, user_sends,
    recipient_gets, fee_total_usd, from_network, to_network, estimated_seconds, seconds_after_broadcast,
    created_at, version
FROM payouts
WHERE org_id = $1 AND mode = $2
    AND (created_at, id) < ($3, $4) AND created_at >= $5
    AND status IN (SELECT value FROM json_each($6))
    AND ($7 IS NULL OR $7 = (status IN ('pending', 'broadcast') AND (late OR estimated_delivery_at <= $8)))
    AND status <> 'delivered'
ORDER BY created_at DESC, id DESC
LIMIT $9
