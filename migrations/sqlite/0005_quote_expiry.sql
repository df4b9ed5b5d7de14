-- What forgets quotes reads.
CREATE INDEX quotes_expiry ON quotes (expires_at);
