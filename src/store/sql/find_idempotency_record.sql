SELECT name, fingerprint, status, location, body, kept_at, expires_at
FROM kept_answers
WHERE name = $1 AND expires_at > $2
