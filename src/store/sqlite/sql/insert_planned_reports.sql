INSERT INTO planned_reports (payout_id, step, due_at, body)
SELECT unhex(value ->> 'payout_id'), value ->> 'step', value ->> 'due_at', value ->> 'body'
FROM json_each($1)
WHERE true
ORDER BY key
ON CONFLICT DO NOTHING
