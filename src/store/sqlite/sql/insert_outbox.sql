INSERT INTO outbox (payout_id, sequence, mode, kind, routing_key, body, traceparent, created_at)
SELECT
    unhex(value ->> 'payout_id'), value ->> 'sequence', value ->> 'mode', value ->> 'kind', value ->> 'routing_key',
    value ->> 'body', value ->> 'traceparent', value ->> 'created_at'
FROM json_each($1)
ORDER BY key
