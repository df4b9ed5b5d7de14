-- One attempt that does not disable its endpoint: what it means for the delivery, for those after it, and for what is
-- known of the endpoint ('succeeded', 'failed', or nothing).
WITH delivery AS (
    UPDATE webhook_deliveries
    SET status = $3, attempts = $4, next_attempt_at = $5, log = $6
    WHERE id = $1 AND status = 'waiting'
    RETURNING payout_id, sequence
), later AS (
    UPDATE webhook_deliveries l
    SET next_attempt_at = $5
    FROM delivery d
    -- By the payout: not by the index of all that waits, which the status itself would suggest.
    WHERE l.endpoint_id = $2 AND l.payout_id = d.payout_id AND l.sequence > d.sequence AND l.status || '' = 'waiting'
)
UPDATE webhook_endpoints
SET failing_since = CASE $7 WHEN 'failed' THEN $8::timestamptz END
WHERE id = $2 AND CASE $7 WHEN 'failed' THEN failing_since IS NULL WHEN 'succeeded' THEN failing_since IS NOT NULL END
