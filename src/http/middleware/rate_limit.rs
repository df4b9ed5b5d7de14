//! Rate limits per API key, and the headers that report them (draft-ietf-httpapi-ratelimit-headers).

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use uuid::Uuid;

use crate::http::response::problem::Problem;
use crate::runtime::rate_limit::{Level, Rate, TokenBuckets};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The rates per API key. `None` disables a limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct RateLimitsConfig {
    /// The rate of requests with a safe method.
    pub reads: Option<Rate>,
    /// The rate of all other requests.
    pub writes: Option<Rate>,
}

#[derive(Debug)]
pub struct RateLimits {
    reads: Option<TokenBuckets<Uuid>>,
    writes: Option<TokenBuckets<Uuid>>,
}

/// The state of a rate limit for one caller.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct RateLimitStatus {
    /// The policy's name in headers and metrics.
    pub(in crate::http) policy: &'static str,
    pub(in crate::http) rate: Rate,
    pub(in crate::http) level: Level,
}

impl RateLimits {
    #[must_use]
    pub fn new(config: RateLimitsConfig) -> Self {
        Self { reads: config.reads.map(TokenBuckets::new), writes: config.writes.map(TokenBuckets::new) }
    }

    /// Counts a request of an API key. Returns whether it is allowed and the state afterwards, or `None` if no limit
    /// applies.
    pub(in crate::http) fn count(&self, key_id: Uuid, method: &Method) -> Option<(bool, RateLimitStatus)> {
        let (policy, buckets) =
            if method.is_safe() { ("read", &self.reads) } else { ("write", &self.writes) };
        let buckets = buckets.as_ref()?;
        let (allowed, level) = buckets.try_take(key_id);
        Some((allowed, RateLimitStatus { policy, rate: buckets.rate(), level }))
    }
}

impl RateLimitStatus {
    /// The problem for a caller that has exceeded the limit. Counts the refusal in the metrics.
    pub(in crate::http) fn problem(&self, detail: &'static str) -> Problem {
        metrics::counter!("payoutd_http_rate_limited_total", "policy" => self.policy).increment(1);
        Problem::rate_limited(detail, self.level.retry_after_seconds)
    }

    /// Adds the `RateLimit` and `RateLimit-Policy` headers.
    pub(super) fn add_headers(&self, headers: &mut HeaderMap) {
        let Self { policy, rate, level } = self;
        let window = rate.window_seconds().max(1);
        let quota = format!("\"{policy}\";q={};w={window}", rate.burst);
        // With no request left, the time until the next one counts, not the time until all are back.
        let seconds = if level.remaining == 0 { level.retry_after_seconds } else { level.full_after_seconds };
        let left = format!("\"{policy}\";r={};t={seconds}", level.remaining);
        for (name, text) in [(RATE_LIMIT_POLICY, quota), (RATE_LIMIT, left)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}
