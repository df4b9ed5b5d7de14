SELECT payout_id, source, report_id, body, traceparent, parked_at, expires_at
FROM parked_reports
WHERE expires_at <= $1
ORDER BY parked_at, payout_id, source, report_id
LIMIT $2
