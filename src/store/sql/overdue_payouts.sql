SELECT id
FROM payouts
WHERE status IN ('pending', 'broadcast') AND NOT late AND estimated_delivery_at <= $1
ORDER BY estimated_delivery_at
LIMIT $2
