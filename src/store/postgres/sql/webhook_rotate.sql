UPDATE webhook_endpoints
SET previous_secret = secret, previous_secret_until = $3, secret = $2
WHERE id = $1
RETURNING id
