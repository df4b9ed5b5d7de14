-- Makes deliveries due that wait for an earlier delivery although none is left. This happens if the earlier delivery
-- ended while the later one was being inserted.
UPDATE webhook_deliveries AS d
SET next_attempt_at = $1
WHERE d.status = 'waiting' AND d.attempts = 0 AND d.next_attempt_at > $1
    AND NOT EXISTS (
        SELECT 1
        FROM webhook_deliveries b
        WHERE b.endpoint_id = d.endpoint_id AND b.payout_id = d.payout_id AND b.sequence < d.sequence
            AND b.status = 'waiting'
    )
