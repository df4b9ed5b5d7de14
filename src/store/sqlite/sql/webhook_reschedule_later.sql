-- Reschedules the later deliveries of the same payout.
UPDATE webhook_deliveries
SET next_attempt_at = $4
WHERE endpoint_id = $1 AND payout_id = $2 AND sequence > $3 AND status = 'waiting'
