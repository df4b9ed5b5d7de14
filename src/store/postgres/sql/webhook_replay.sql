INSERT INTO webhook_deliveries (endpoint_id, payout_id, sequence, type, status, next_attempt_at, created_at)
SELECT $1::uuid, r.payout_id, r.sequence, r.type, 'waiting', $6::timestamptz, r.created_at
FROM UNNEST($2::uuid[], $3::bigint[], $4::text[], $5::timestamptz[]) AS r (payout_id, sequence, type, created_at)
ORDER BY r.payout_id, r.sequence
ON CONFLICT (endpoint_id, payout_id, sequence)
DO UPDATE SET status = 'waiting', attempts = 0, next_attempt_at = EXCLUDED.next_attempt_at
RETURNING id
