-- Writing the name over itself makes the row come back in either case.
INSERT INTO orgs AS kept (id, name, created_at)
VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET name = kept.name
RETURNING id
