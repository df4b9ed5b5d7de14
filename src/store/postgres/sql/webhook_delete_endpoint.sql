-- Its deliveries stay until they are old enough to be forgotten, but do not wait any more.
WITH skipped AS (
    UPDATE webhook_deliveries SET status = 'skipped' WHERE endpoint_id = $1 AND status = 'waiting'
)
DELETE FROM webhook_endpoints WHERE id = $1 RETURNING id
