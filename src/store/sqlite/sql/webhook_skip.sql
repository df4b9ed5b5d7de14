UPDATE webhook_deliveries SET status = 'skipped' WHERE endpoint_id = $1 AND status = 'waiting'
