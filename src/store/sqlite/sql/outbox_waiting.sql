SELECT id, payout_id, sequence, mode, kind, routing_key, body, traceparent
FROM outbox
ORDER BY id
LIMIT $1
