SELECT r.payout_id, r.source, r.report_id, r.body, r.traceparent, r.parked_at, r.expires_at
FROM parked_reports r
WHERE EXISTS (SELECT 1 FROM payouts p WHERE p.id = r.payout_id)
ORDER BY r.parked_at, r.payout_id, r.source, r.report_id
LIMIT $1
