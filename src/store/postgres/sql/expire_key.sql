-- LEAST passes over NULL: a key without an end gets one.
UPDATE api_keys SET expires_at = LEAST(expires_at, $2) WHERE id = $1 RETURNING id
