SELECT payout_id, version, entry::text
FROM journal
WHERE payout_id = ANY ($1)
ORDER BY payout_id, version
