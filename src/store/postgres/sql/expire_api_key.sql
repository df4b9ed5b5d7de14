-- LEAST ignores NULL: a key without an expiry time gets one.
UPDATE api_keys SET expires_at = LEAST(expires_at, $2) WHERE id = $1 RETURNING id
