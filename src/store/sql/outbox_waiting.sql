SELECT id, payout_id, sequence, mode, kind, routing_key, body, traceparent
FROM outbox
WHERE mode = $1
ORDER BY id
LIMIT $2
