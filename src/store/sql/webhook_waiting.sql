SELECT
    (SELECT count(*) FROM webhook_deliveries WHERE status = 'waiting') AS waiting,
    (SELECT min(next_attempt_at) FROM webhook_deliveries WHERE status = 'waiting' AND next_attempt_at <= $1)
        AS oldest_due,
    (SELECT count(*) FROM webhook_endpoints WHERE disabled_at IS NOT NULL) AS disabled_endpoints
