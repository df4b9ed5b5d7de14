UPDATE webhook_endpoints
SET disabled_at = $2, disabled_reason = $3, failing_since = coalesce(failing_since, $2)
WHERE id = $1 AND disabled_at IS NULL
