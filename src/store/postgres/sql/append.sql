-- Records inputs. For each payout at the expected version, it updates the row, inserts the journal entry, inserts the
-- outbox messages in the given order, and inserts a delivery for each webhook endpoint of the owner that asks for the
-- event type. For a payout at another version, it writes nothing.
WITH input AS (
    SELECT *
    FROM UNNEST(
        $1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::timestamptz[], $6::boolean[], $7::text[],
        $8::timestamptz[], $9::text[], $10::text[], $11::text[], $12::text[]
    ) AS i (
        id, expected, status, sequence, estimated_delivery_at, late, attention,
        recorded_at, source, report_id, outcome, entry
    )
), updated AS (
    UPDATE payouts p
    SET version = i.expected + 1,
        status = i.status,
        sequence = i.sequence,
        estimated_delivery_at = i.estimated_delivery_at,
        late = i.late,
        attention = i.attention,
        updated_at = i.recorded_at
    FROM input i
    WHERE p.id = i.id AND p.version = i.expected
    RETURNING p.id, p.org_id, p.mode
), entries AS (
    INSERT INTO journal (payout_id, version, recorded_at, source, report_id, outcome, entry)
    SELECT i.id, i.expected + 1, i.recorded_at, i.source, i.report_id, i.outcome, i.entry::json
    FROM input i
    JOIN updated USING (id)
), messages AS (
    INSERT INTO outbox (payout_id, sequence, mode, kind, routing_key, body, traceparent, created_at)
    SELECT o.payout_id, o.sequence, o.mode, o.kind, o.routing_key, o.body, o.traceparent, o.created_at
    FROM UNNEST(
        $13::uuid[], $14::bigint[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::timestamptz[]
    ) WITH ORDINALITY AS o (
        payout_id, sequence, mode, kind, routing_key, body, traceparent, created_at, position
    )
    JOIN updated u ON u.id = o.payout_id
    ORDER BY o.position
), deliveries AS (
    -- A delivery is not due before the waiting ones for the same endpoint and payout. The expression on the status
    -- keeps the planner from the index of all waiting deliveries, so that it finds them by the payout. A conflict is
    -- not expected. If there were one, it must not prevent the commit.
    INSERT INTO webhook_deliveries (endpoint_id, payout_id, sequence, type, status, next_attempt_at, created_at)
    SELECT
        e.id, o.payout_id, o.sequence, o.kind, CASE WHEN e.disabled_at IS NULL THEN 'waiting' ELSE 'skipped' END,
        GREATEST(o.created_at, (
            SELECT max(d.next_attempt_at)
            FROM webhook_deliveries d
            WHERE d.endpoint_id = e.id AND d.payout_id = o.payout_id AND d.status || '' = 'waiting'
        )),
        o.created_at
    FROM UNNEST($13::uuid[], $14::bigint[], $16::text[], $20::timestamptz[])
        WITH ORDINALITY AS o (payout_id, sequence, kind, created_at, position)
    JOIN updated u ON u.id = o.payout_id
    JOIN webhook_endpoints e ON e.org_id = u.org_id AND e.mode = u.mode
    WHERE position(' ' || o.kind || ' ' IN ' ' || e.types || ' ') > 0
    ORDER BY o.position
    ON CONFLICT DO NOTHING
)
SELECT id FROM updated
