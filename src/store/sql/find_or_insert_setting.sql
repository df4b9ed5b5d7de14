-- The update writes the same value, so that the row is returned in both cases.
INSERT INTO settings AS existing (name, value)
VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET value = existing.value
RETURNING value
