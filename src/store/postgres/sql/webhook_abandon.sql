-- Records an attempt that disables the endpoint. The other waiting deliveries of the endpoint are skipped.
WITH delivery AS (
    UPDATE webhook_deliveries
    SET status = 'failed', attempts = $3, next_attempt_at = $4, log = $5
    WHERE id = $1 AND status = 'waiting'
), others AS (
    UPDATE webhook_deliveries
    SET status = 'skipped'
    WHERE endpoint_id = $2 AND status = 'waiting' AND id <> $1
)
UPDATE webhook_endpoints
SET disabled_at = $4, disabled_reason = $6, failing_since = COALESCE(failing_since, $4)
WHERE id = $2 AND disabled_at IS NULL
