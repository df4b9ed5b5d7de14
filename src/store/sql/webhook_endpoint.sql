SELECT
    e.id AS endpoint_id, e.org_id, e.mode, e.url, e.description, e.types, e.secret, e.previous_secret,
    e.previous_secret_until, e.created_at AS endpoint_created_at, e.disabled_at, e.disabled_reason, e.failing_since
FROM webhook_endpoints e
WHERE e.id = $1
