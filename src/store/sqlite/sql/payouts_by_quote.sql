SELECT quote_id, id FROM payouts WHERE quote_id IN (SELECT value FROM json_each($1))
