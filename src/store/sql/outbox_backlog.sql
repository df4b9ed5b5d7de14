SELECT count(*) AS waiting, (SELECT created_at FROM outbox ORDER BY id LIMIT 1) AS oldest FROM outbox
