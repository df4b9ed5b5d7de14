//! How often a key may call, and how a caller is told: draft-ietf-httpapi-ratelimit-headers.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use uuid::Uuid;

use super::{Principal, Problem};
use crate::runtime::rate_limit::{Level, Rate, TokenBuckets};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The limits of each key; none where there is nothing to say.
#[derive(Debug, Clone, Copy, Default)]
pub struct LimitsConfig {
    /// Of calls that only read.
    pub reads: Option<Rate>,
    /// Of all others.
    pub writes: Option<Rate>,
}

/// Counts calls by key.
#[derive(Debug)]
pub struct Limits {
    reads: Option<TokenBuckets<Uuid>>,
    writes: Option<TokenBuckets<Uuid>>,
}

/// Where a caller stands with a limit after its call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) policy: &'static str,
    pub(super) rate: Rate,
    pub(super) level: Level,
}

impl Limits {
    /// Nobody has called yet.
    #[must_use]
    pub fn new(config: LimitsConfig) -> Self {
        Self { reads: config.reads.map(TokenBuckets::new), writes: config.writes.map(TokenBuckets::new) }
    }

    /// Counts a call: whether it is answered, and where its caller stands then. `None` where nothing limits it.
    pub(super) fn call(&self, principal: Principal, method: &Method) -> Option<(bool, Standing)> {
        let (policy, buckets) =
            if method.is_safe() { ("read", &self.reads) } else { ("write", &self.writes) };
        let buckets = buckets.as_ref()?;
        let (enough, level) = buckets.try_take(principal.key_id);
        Some((enough, Standing { policy, rate: buckets.rate(), level }))
    }
}

impl Standing {
    /// What a caller is told who called too often.
    pub(super) fn refusal(&self, detail: &'static str) -> Problem {
        metrics::counter!("payoutd_http_rate_limited_total", "policy" => self.policy).increment(1);
        Problem::rate_limited(detail, self.level.retry_after_seconds)
    }

    /// Says so in an answer's headers.
    pub(super) fn add_to(&self, headers: &mut HeaderMap) {
        let Self { policy, rate, level } = self;
        let window = rate.window_seconds().max(1);
        let quota = format!("\"{policy}\";q={};w={window}", rate.burst);
        // Where nothing is left, what matters is when there will be something.
        let seconds = if level.remaining == 0 { level.retry_after_seconds } else { level.full_after_seconds };
        let left = format!("\"{policy}\";r={};t={seconds}", level.remaining);
        for (name, text) in [(RATE_LIMIT_POLICY, quota), (RATE_LIMIT, left)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}
