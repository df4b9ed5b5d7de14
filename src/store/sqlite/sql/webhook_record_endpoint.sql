-- Updates `failing_since` by the effect of an attempt ('succeeded', 'failed', or 'nothing').
UPDATE webhook_endpoints
SET failing_since = CASE $2 WHEN 'failed' THEN $3 END
WHERE id = $1 AND CASE $2 WHEN 'failed' THEN failing_since IS NULL WHEN 'succeeded' THEN failing_since IS NOT NULL END
