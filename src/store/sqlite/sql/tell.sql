-- Each change goes to the webhook endpoints of its payout's owner that ask for it, not before what waits already for the
-- same endpoint and payout.
INSERT INTO webhook_deliveries (endpoint_id, payout_id, sequence, type, status, next_attempt_at, created_at)
SELECT
    e.id, p.id, m.value ->> 'sequence', m.value ->> 'kind', iif(e.disabled_at IS NULL, 'waiting', 'skipped'),
    max(m.value ->> 'created_at', coalesce((
        SELECT max(d.next_attempt_at)
        FROM webhook_deliveries d
        WHERE d.endpoint_id = e.id AND d.payout_id = p.id AND d.status = 'waiting'
    ), 0)),
    m.value ->> 'created_at'
FROM json_each($1) AS m
JOIN payouts p ON p.id = unhex(m.value ->> 'payout_id')
JOIN webhook_endpoints e ON e.org_id = p.org_id AND e.mode = p.mode
WHERE instr(' ' || e.types || ' ', ' ' || (m.value ->> 'kind') || ' ') > 0
ORDER BY m.key
ON CONFLICT DO NOTHING
