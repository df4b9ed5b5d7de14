INSERT INTO api_keys (id, org_id, mode, digest, hint, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
