UPDATE webhook_deliveries
SET status = 'waiting', attempts = 0, next_attempt_at = $3
WHERE endpoint_id = $1 AND created_at >= $2
RETURNING id
