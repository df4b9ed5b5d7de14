INSERT INTO parked_reports (payout_id, source, report_id, body, traceparent, parked_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING
