//! Long polls and event streams: how many are open at once, and what ends them.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::http::principal::Principal;
use crate::http::response::problem::{Code, Problem};
use crate::runtime::keyed_permits::{KeyedPermits, LimitReached, Permit, PermitMetrics};
use crate::runtime::shutdown::Shutdown;

#[derive(Debug, Clone, Copy)]
pub struct LongPollConfig {
    /// The maximum number of open long polls and event streams.
    pub max_held: usize,
    /// The maximum number per API key.
    pub max_held_per_key: usize,
    /// The interval of comments on an idle event stream.
    pub heartbeat: Duration,
    /// The age at which an event stream ends. Clients then open a new one.
    pub stream_age: Duration,
}

impl Default for LongPollConfig {
    fn default() -> Self {
        Self {
            max_held: 2_000,
            max_held_per_key: 500,
            heartbeat: Duration::from_secs(15),
            stream_age: Duration::from_secs(1_800),
        }
    }
}

impl LongPollConfig {
    /// Reduces `max_held` so that at least half of a listener's connections remain for other requests.
    #[must_use]
    pub fn within(self, max_connections: usize) -> Self {
        Self { max_held: self.max_held.min(max_connections / 2), ..self }
    }
}

/// Limits the number of open long polls and event streams.
#[derive(Debug)]
pub struct LongPollLimit {
    permits: Arc<KeyedPermits<Uuid>>,
    shutdown: Shutdown,
    config: LongPollConfig,
}

const METRICS: PermitMetrics = PermitMetrics {
    in_use: "payoutd_http_held_requests",
    rejected: "payoutd_http_held_requests_refused_total",
};

impl LongPollLimit {
    /// `shutdown` ends all long polls and event streams.
    #[must_use]
    pub fn new(config: LongPollConfig, shutdown: Shutdown) -> Self {
        let permits = Arc::new(KeyedPermits::new(config.max_held, config.max_held_per_key, METRICS));
        Self { permits, shutdown, config }
    }

    pub(super) fn config(&self) -> LongPollConfig {
        self.config
    }

    pub(super) fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// A permit for one more long poll or event stream of this caller.
    ///
    /// # Errors
    /// Returns `rate_limited` if the caller's API key has reached its limit, `unavailable` if the total is reached.
    pub(super) fn acquire(&self, principal: Principal) -> Result<Permit<Uuid>, Problem> {
        self.permits.try_acquire(principal.key_id).map_err(|limit| match limit {
            LimitReached::PerKey => Problem::new(
                Code::RateLimited,
                format!(
                    "This key has {} requests waiting, which is the most it may have; let one of them end first.",
                    self.config.max_held_per_key
                ),
            ),
            LimitReached::Total => Problem::new(
                Code::Unavailable,
                "No further request can be held open just now. It is safe to repeat the same call.",
            ),
        })
    }
}
