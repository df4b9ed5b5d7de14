-- An expired sandbox quote gets the new times. Any other existing quote is not changed.
INSERT INTO quotes AS existing (
    id, org_id, mode, external_ref, destination, asset, user_sends, recipient_gets, fee_total_usd,
    from_network, to_network, estimated_seconds, seconds_after_broadcast, created_at, expires_at
)
VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15
)
ON CONFLICT (id) DO UPDATE
SET created_at = CASE WHEN existing.mode = 'test' AND existing.expires_at <= excluded.created_at
        THEN excluded.created_at ELSE existing.created_at END,
    expires_at = CASE WHEN existing.mode = 'test' AND existing.expires_at <= excluded.created_at
        THEN excluded.expires_at ELSE existing.expires_at END
RETURNING
    id AS quote_id, org_id, mode, external_ref, destination, asset, user_sends, recipient_gets,
    fee_total_usd, from_network, to_network, estimated_seconds, seconds_after_broadcast, created_at, expires_at
