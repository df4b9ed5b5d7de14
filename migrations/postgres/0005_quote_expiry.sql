-- What forgets quotes reads. Not built CONCURRENTLY: this comes with the first release.
CREATE INDEX quotes_expiry ON quotes (expires_at);
