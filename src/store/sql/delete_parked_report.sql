DELETE FROM parked_reports WHERE payout_id = $1 AND source = $2 AND report_id = $3
