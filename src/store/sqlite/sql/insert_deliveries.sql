-- Inserts a delivery for each webhook endpoint of the owner that asks for the event type. It is not due before the
-- waiting ones for the same endpoint and payout.
INSERT INTO webhook_deliveries (endpoint_id, payout_id, sequence, type, status, next_attempt_at, created_at)
SELECT
    e.id, p.id, m.value ->> 'sequence', m.value ->> 'type', iif(e.disabled_at IS NULL, 'waiting', 'skipped'),
    max(m.value ->> 'created_at', coalesce((
        SELECT max(d.next_attempt_at)
        FROM webhook_deliveries d
        WHERE d.endpoint_id = e.id AND d.payout_id = p.id AND d.status = 'waiting'
    ), 0)),
    m.value ->> 'created_at'
FROM json_each($1) AS m
JOIN payouts p ON p.id = unhex(m.value ->> 'payout_id')
JOIN webhook_endpoints e ON e.org_id = p.org_id AND e.mode = p.mode
WHERE instr(' ' || e.types || ' ', ' ' || (m.value ->> 'type') || ' ') > 0
ORDER BY m.key
ON CONFLICT DO NOTHING
