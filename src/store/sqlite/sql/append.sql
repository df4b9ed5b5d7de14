-- Updates the row of each payout at the expected version. A row at another version is not changed.
UPDATE payouts
SET version = i.expected + 1,
    status = i.status,
    sequence = i.sequence,
    estimated_delivery_at = i.estimated_delivery_at,
    late = i.late,
    attention = i.attention,
    updated_at = i.recorded_at
FROM (
    SELECT
        unhex(value ->> 'id') AS id, value ->> 'expected' AS expected, value ->> 'status' AS status,
        value ->> 'sequence' AS sequence, value ->> 'estimated_delivery_at' AS estimated_delivery_at,
        value ->> 'late' AS late, value ->> 'attention' AS attention, value ->> 'recorded_at' AS recorded_at
    FROM json_each($1)
) AS i
WHERE payouts.id = i.id AND payouts.version = i.expected
RETURNING id
