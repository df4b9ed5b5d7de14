-- For each enabled endpoint that is not busy: the most overdue deliveries with no earlier delivery of the same payout
-- waiting. The recursion visits only endpoints with waiting deliveries, one index lookup each.
WITH RECURSIVE waiting (endpoint_id) AS (
    SELECT (SELECT endpoint_id FROM webhook_deliveries WHERE status = 'waiting' ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT d.endpoint_id
        FROM webhook_deliveries d
        WHERE d.status = 'waiting' AND d.endpoint_id > w.endpoint_id
        ORDER BY d.endpoint_id
        LIMIT 1
    )
    FROM waiting w
    WHERE w.endpoint_id IS NOT NULL
)
SELECT
    d.id, d.payout_id, d.sequence, d.type, d.status, d.attempts, d.next_attempt_at, d.created_at, d.log,
    e.id AS endpoint_id, e.org_id, e.mode, e.url, e.description, e.types, e.secret, e.previous_secret,
    e.previous_secret_until, e.created_at AS endpoint_created_at, e.disabled_at, e.disabled_reason, e.failing_since
FROM waiting w
JOIN webhook_endpoints e ON e.id = w.endpoint_id
JOIN webhook_deliveries d ON d.id IN (
    SELECT d.id
    FROM webhook_deliveries d
    WHERE d.endpoint_id = e.id AND d.status = 'waiting' AND d.next_attempt_at <= $1
        AND (
            SELECT b.id
            FROM webhook_deliveries b
            WHERE b.endpoint_id = d.endpoint_id AND b.payout_id = d.payout_id AND b.sequence < d.sequence
                AND b.status = 'waiting'
            LIMIT 1
        ) IS NULL
    ORDER BY d.next_attempt_at
    LIMIT $2
)
WHERE e.disabled_at IS NULL AND e.id NOT IN (SELECT unhex(value) FROM json_each($4))
ORDER BY d.next_attempt_at
LIMIT $3
