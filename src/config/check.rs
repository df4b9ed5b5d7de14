//! The ranges of the settings.

use super::{Config, ConfigError};

impl Config {
    /// # Errors
    /// Returns `ConfigError::InvalidValue` for the first value out of range.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let invalid = |key, problem: &str| Err(ConfigError::InvalidValue { key, problem: problem.into() });
        let at_least_one = [
            ("http.max_connections", self.http.max_connections),
            ("http.max_body_bytes", self.http.max_body_bytes),
            ("limits.reads_burst", self.limits.reads_burst as usize),
            ("limits.writes_burst", self.limits.writes_burst as usize),
            ("quotes.ttl_seconds", self.quotes.ttl_seconds as usize),
            ("database.max_connections", self.database.max_connections as usize),
            ("amqp.delivery_limit", self.amqp.delivery_limit as usize),
            ("reports.max_bytes", self.reports.max_bytes),
            ("actors.max_live", self.actors.max_live),
            ("actors.failure_limit", self.actors.failure_limit as usize),
            ("commit.at_once", self.commit.at_once),
            ("commit.max_batch", self.commit.max_batch),
            ("relay.batch", self.relay.batch as usize),
            ("sweep.batch", self.sweep.batch as usize),
            ("webhooks.concurrency", self.webhooks.concurrency),
            ("webhooks.per_endpoint", self.webhooks.per_endpoint),
            ("webhooks.keep_days", self.webhooks.keep_days as usize),
            ("tracking.max_streams_per_payout", self.tracking.max_streams_per_payout),
            ("tracking.misses_per_minute", self.tracking.misses_per_minute as usize),
        ];
        for (key, value) in at_least_one {
            if value == 0 {
                return invalid(key, "must be at least 1");
            }
        }
        let periods = [
            ("relay.poll_millis", self.relay.poll_millis),
            ("sweep.every_millis", self.sweep.every_millis),
            ("sandbox.poll_millis", self.sandbox.poll_millis),
            ("webhooks.poll_millis", self.webhooks.poll_millis),
        ];
        for (key, value) in periods {
            if !(10..=60_000).contains(&value) {
                return invalid(key, "must be between 10 and 60000");
            }
        }
        for (key, value) in [
            ("waiting.heartbeat_seconds", self.waiting.heartbeat_seconds),
            ("waiting.stream_seconds", self.waiting.stream_seconds),
        ] {
            if !(1..=86_400).contains(&value) {
                return invalid(key, "must be between 1 and 86400");
            }
        }
        if !(24..=8760).contains(&self.idempotency.keep_hours) {
            return invalid("idempotency.keep_hours", "must be between 24 and 8760");
        }
        if !(1..=5_000).contains(&self.amqp.prefetch) {
            return invalid("amqp.prefetch", "must be between 1 and 5000");
        }
        if !(1..=60).contains(&self.webhooks.timeout_seconds) {
            return invalid("webhooks.timeout_seconds", "must be between 1 and 60");
        }
        if self.quotes.signing_key.set().is_some_and(|key| key.len() < 16) {
            return invalid("quotes.signing_key", "must have at least 16 characters");
        }
        if self.ops.token.set().is_none() && !self.ops.listen.ip().is_loopback() {
            return invalid("ops.token", "must be set if ops.listen is not a loopback address");
        }
        let path = &self.http.base_path;
        if !path.is_empty()
            && (!path.starts_with('/') || path.ends_with('/') || path.contains(['{', '}', '*', '?', '#']))
        {
            return invalid(
                "http.base_path",
                "must be a plain path that starts with a slash and does not end with one",
            );
        }
        let url = &self.http.public_url;
        if !(url.is_empty() || url.starts_with("http://") || url.starts_with("https://")) {
            return invalid("http.public_url", "must start with http:// or https://");
        }
        Ok(())
    }
}
