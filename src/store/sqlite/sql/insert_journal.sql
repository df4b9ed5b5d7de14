INSERT INTO journal (payout_id, version, recorded_at, source, report_id, outcome, entry)
SELECT
    unhex(value ->> 'id'), (value ->> 'expected') + 1, value ->> 'recorded_at', value ->> 'source',
    value ->> 'report_id', value ->> 'outcome', value ->> 'entry'
FROM json_each($1)
