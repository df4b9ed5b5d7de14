UPDATE api_keys SET expires_at = min(coalesce(expires_at, $2), $2) WHERE id = $1 RETURNING id
