-- The update writes the same name, so that the row is returned in both cases.
INSERT INTO orgs AS existing (id, name, created_at)
VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET name = existing.name
RETURNING id
