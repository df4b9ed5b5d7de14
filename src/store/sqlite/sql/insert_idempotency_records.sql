-- An unexpired record with the same name is not changed.
INSERT INTO kept_answers AS existing (name, fingerprint, status, location, body, kept_at, expires_at)
SELECT
    unhex(value ->> 'name'), unhex(value ->> 'fingerprint'), value ->> 'status', value ->> 'location',
    value ->> 'body', value ->> 'kept_at', value ->> 'expires_at'
FROM json_each($1)
WHERE true
ON CONFLICT (name) DO UPDATE
SET fingerprint = excluded.fingerprint, status = excluded.status, location = excluded.location,
    body = excluded.body, kept_at = excluded.kept_at, expires_at = excluded.expires_at
WHERE existing.expires_at <= excluded.kept_at
