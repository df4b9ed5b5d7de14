-- An unexpired record with the same name is not changed.
INSERT INTO kept_answers AS existing (name, fingerprint, status, location, body, kept_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (name) DO UPDATE
SET fingerprint = excluded.fingerprint, status = excluded.status, location = excluded.location,
    body = excluded.body, kept_at = excluded.kept_at, expires_at = excluded.expires_at
WHERE existing.expires_at <= excluded.kept_at
RETURNING name
