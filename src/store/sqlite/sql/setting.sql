-- Writing the value over itself makes the row come back in either case.
INSERT INTO settings AS kept (name, value)
VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET value = kept.value
RETURNING value
