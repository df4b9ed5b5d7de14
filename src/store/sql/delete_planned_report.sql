DELETE FROM planned_reports WHERE payout_id = $1 AND step = $2
