-- Keeps an endpoint unless its owner has enough of them.
INSERT INTO webhook_endpoints (id, org_id, mode, url, description, types, secret, created_at)
SELECT $1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7::text, $8::timestamptz
WHERE (SELECT count(*) FROM webhook_endpoints WHERE org_id = $2 AND mode = $3) < $9::bigint
RETURNING id
