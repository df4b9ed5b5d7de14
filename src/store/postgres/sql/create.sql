-- Creates payouts with their outbox messages and idempotency records. A payout whose quote is used writes nothing. Rows
-- are inserted in the order of their quotes, so that two processes that create from the same quotes do not deadlock.
WITH input AS (
    SELECT *
    FROM UNNEST(
        $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[],
        $10::text[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::bigint[], $16::timestamptz[],
        $17::timestamptz[], $18::text[], $19::text[], $20::text[], $21::text[]
    ) WITH ORDINALITY AS i (
        id, org_id, mode, quote_id, tracking_token, external_ref, destination, asset, user_sends,
        recipient_gets, fee_total_usd, from_network, to_network, estimated_seconds, seconds_after_broadcast, created_at,
        estimated_delivery_at, kind, routing_key, body, traceparent, position
    )
), inserted AS (
    INSERT INTO payouts (
        id, org_id, mode, quote_id, tracking_token, external_ref, destination, asset, user_sends,
        recipient_gets, fee_total_usd, from_network, to_network, estimated_seconds, seconds_after_broadcast, created_at,
        status, version, sequence, estimated_delivery_at, late, updated_at
    )
    SELECT
        id, org_id, mode, quote_id, tracking_token, external_ref, destination, asset, user_sends::numeric,
        recipient_gets::numeric, fee_total_usd::numeric, from_network, to_network, estimated_seconds,
        seconds_after_broadcast, created_at, 'pending', 1, 1, estimated_delivery_at, false, created_at
    FROM input
    ORDER BY quote_id, position
    ON CONFLICT DO NOTHING
    RETURNING id, quote_id
), messages AS (
    INSERT INTO outbox (payout_id, sequence, mode, kind, routing_key, body, traceparent, created_at)
    SELECT i.id, 1, i.mode, i.kind, i.routing_key, i.body, i.traceparent, i.created_at
    FROM input i
    JOIN inserted USING (id, quote_id)
    ORDER BY i.position
), records AS (
    INSERT INTO kept_answers AS existing (name, fingerprint, status, location, body, kept_at, expires_at)
    SELECT a.name, a.fingerprint, a.status, a.location, a.body, a.kept_at, a.expires_at
    FROM UNNEST(
        $22::uuid[], $23::bytea[], $24::bytea[], $25::bigint[], $26::text[], $27::text[], $28::timestamptz[],
        $29::timestamptz[]
    ) AS a (id, name, fingerprint, status, location, body, kept_at, expires_at)
    JOIN inserted USING (id)
    ORDER BY a.name
    ON CONFLICT (name) DO UPDATE
    SET fingerprint = excluded.fingerprint, status = excluded.status, location = excluded.location,
        body = excluded.body, kept_at = excluded.kept_at, expires_at = excluded.expires_at
    WHERE existing.expires_at <= excluded.kept_at
)
SELECT id FROM inserted
