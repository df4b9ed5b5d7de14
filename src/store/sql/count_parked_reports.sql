SELECT count(*) FROM parked_reports
