UPDATE webhook_deliveries
SET status = $2, attempts = $3, next_attempt_at = $4, log = $5
WHERE id = $1 AND status = 'waiting'
RETURNING payout_id, sequence
