SELECT k.id, k.org_id, o.name AS org_name, k.mode, k.digest, k.hint, k.created_at, k.expires_at
FROM api_keys k
JOIN orgs o ON o.id = k.org_id
WHERE $1 IS NULL OR o.name = $1
ORDER BY k.created_at DESC, k.id DESC
