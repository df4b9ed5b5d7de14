DELETE FROM kept_answers
WHERE name IN (SELECT name FROM kept_answers WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)
RETURNING name
