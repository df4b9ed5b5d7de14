SELECT id FROM payouts WHERE tracking_token = $1
