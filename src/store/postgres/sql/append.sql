-- Records inputs: each payout's row moves on from the expected version, its journal grows by one entry, and its
-- announcements go to the outbox in the order given. A row at another version writes nothing.
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
    RETURNING p.id
), recorded AS (
    INSERT INTO journal (payout_id, version, recorded_at, source, report_id, outcome, entry)
    SELECT i.id, i.expected + 1, i.recorded_at, i.source, i.report_id, i.outcome, i.entry::json
    FROM input i
    JOIN updated USING (id)
), announced AS (
    INSERT INTO outbox (payout_id, sequence, mode, kind, routing_key, body, traceparent, created_at)
    SELECT o.payout_id, o.sequence, o.mode, o.kind, o.routing_key, o.body, o.traceparent, o.created_at
    FROM UNNEST(
        $13::uuid[], $14::bigint[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::timestamptz[]
    ) WITH ORDINALITY AS o (
        payout_id, sequence, mode, kind, routing_key, body, traceparent, created_at, position
    )
    JOIN updated u ON u.id = o.payout_id
    ORDER BY o.position
)
SELECT id FROM updated
