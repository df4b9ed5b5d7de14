-- A sandbox quote whose time is over gets the new times; any other quote that is there already stays as it is.
INSERT INTO quotes AS kept (
    id, org_id, mode, external_ref, destination, asset, user_sends, recipient_gets, fee_total_usd,
    from_network, to_network, estimated_seconds, seconds_after_broadcast, created_at, expires_at
)
VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15
)
ON CONFLICT (id) DO UPDATE
SET created_at = CASE WHEN kept.mode = 'test' AND kept.expires_at <= excluded.created_at
        THEN excluded.created_at ELSE kept.created_at END,
    expires_at = CASE WHEN kept.mode = 'test' AND kept.expires_at <= excluded.created_at
        THEN excluded.expires_at ELSE kept.expires_at END
RETURNING
    id AS quote_id, org_id, mode, external_ref, destination, asset, user_sends, recipient_gets,
    fee_total_usd, from_network, to_network, estimated_seconds, seconds_after_broadcast, created_at, expires_at
