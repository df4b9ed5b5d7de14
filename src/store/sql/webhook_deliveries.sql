SELECT d.id, d.endpoint_id, d.payout_id, d.sequence, d.type, d.status, d.attempts, d.next_attempt_at, d.created_at, d.log
FROM webhook_deliveries d
WHERE d.endpoint_id = $1 AND d.id < $2
ORDER BY d.id DESC
LIMIT $3
