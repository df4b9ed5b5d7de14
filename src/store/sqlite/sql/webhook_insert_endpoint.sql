-- Inserts an endpoint, unless the account has reached the limit.
INSERT INTO webhook_endpoints (id, org_id, mode, url, description, types, secret, created_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8
WHERE (SELECT count(*) FROM webhook_endpoints WHERE org_id = $2 AND mode = $3) < $9
RETURNING id
