INSERT INTO planned_reports (payout_id, step, due_at, body)
SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::timestamptz[], $4::text[]) AS i (payout_id, step, due_at, body)
ORDER BY payout_id, step
ON CONFLICT DO NOTHING
