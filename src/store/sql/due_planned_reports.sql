SELECT payout_id, step, due_at, body
FROM planned_reports
WHERE due_at <= $1
ORDER BY due_at, payout_id, step
LIMIT $2
