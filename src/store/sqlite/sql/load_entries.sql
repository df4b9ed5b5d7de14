SELECT payout_id, version, entry
FROM journal
WHERE payout_id IN (SELECT unhex(value) FROM json_each($1))
ORDER BY payout_id, version
