DELETE FROM quotes
WHERE id IN (SELECT id FROM quotes WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)
RETURNING id
