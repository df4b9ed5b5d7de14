-- Records an attempt that does not disable the endpoint: updates the delivery, reschedules the later deliveries of the
-- same payout, and updates `failing_since` of the endpoint by the effect ('succeeded', 'failed', or 'nothing').
WITH delivery AS (
    UPDATE webhook_deliveries
    SET status = $3, attempts = $4, next_attempt_at = $5, log = $6
    WHERE id = $1 AND status = 'waiting'
    RETURNING payout_id, sequence
), later AS (
    UPDATE webhook_deliveries l
    SET next_attempt_at = $5
    FROM delivery d
    -- The expression keeps the planner from the index of all waiting deliveries: the payout is more selective.
    WHERE l.endpoint_id = $2 AND l.payout_id = d.payout_id AND l.sequence > d.sequence AND l.status || '' = 'waiting'
)
UPDATE webhook_endpoints
SET failing_since = CASE $7 WHEN 'failed' THEN $8::timestamptz END
WHERE id = $2 AND CASE $7 WHEN 'failed' THEN failing_since IS NULL WHEN 'succeeded' THEN failing_since IS NOT NULL END
