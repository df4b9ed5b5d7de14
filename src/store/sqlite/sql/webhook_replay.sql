INSERT INTO webhook_deliveries (endpoint_id, payout_id, sequence, type, status, next_attempt_at, created_at)
SELECT
    $1, unhex(value ->> 'payout_id'), value ->> 'sequence', value ->> 'type', 'waiting', $3, value ->> 'created_at'
FROM json_each($2)
WHERE true
ORDER BY key
ON CONFLICT (endpoint_id, payout_id, sequence)
DO UPDATE SET status = 'waiting', attempts = 0, next_attempt_at = excluded.next_attempt_at
RETURNING id
