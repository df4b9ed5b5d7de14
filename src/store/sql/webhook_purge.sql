-- Deletes the oldest deliveries, if they are old enough and were not replayed since.
DELETE FROM webhook_deliveries
WHERE id IN (SELECT id FROM webhook_deliveries ORDER BY id LIMIT $2) AND created_at < $1 AND next_attempt_at < $1
RETURNING id
