-- Deletes an endpoint and skips its waiting deliveries. The rows of the deliveries stay until they are purged.
WITH skipped AS (
    UPDATE webhook_deliveries SET status = 'skipped' WHERE endpoint_id = $1 AND status = 'waiting'
)
DELETE FROM webhook_endpoints WHERE id = $1 RETURNING id
