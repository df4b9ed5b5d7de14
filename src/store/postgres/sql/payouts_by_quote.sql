SELECT quote_id, id FROM payouts WHERE quote_id = ANY ($1)
