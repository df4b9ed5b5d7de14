//! Requests that are held open until something happens: how many there may be, and what ends them.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::{Code, Principal, Problem};
use crate::runtime::keyed_permits::{KeyedPermits, LimitReached, Permit, PermitMetrics};
use crate::runtime::shutdown::Shutdown;

/// How much waiting there may be.
#[derive(Debug, Clone, Copy)]
pub struct WaitingConfig {
    /// The most requests held open at once, long polls and streams.
    pub max_held: usize,
    /// The most of those with one key.
    pub max_held_per_key: usize,
    /// How often a silent stream says that it is still there.
    pub heartbeat: Duration,
    /// After how long a stream ends and is to be opened again.
    pub stream_age: Duration,
}

impl Default for WaitingConfig {
    fn default() -> Self {
        Self {
            max_held: 2_000,
            max_held_per_key: 500,
            heartbeat: Duration::from_secs(15),
            stream_age: Duration::from_secs(1_800),
        }
    }
}

impl WaitingConfig {
    /// The same, leaving at least half of a listener's connections to requests that end by themselves.
    #[must_use]
    pub fn within(self, max_connections: usize) -> Self {
        Self { max_held: self.max_held.min(max_connections / 2), ..self }
    }
}

/// What requests that wait share.
#[derive(Debug)]
pub struct Waiting {
    held: Arc<KeyedPermits<Uuid>>,
    stop: Shutdown,
    config: WaitingConfig,
}

const METRICS: PermitMetrics = PermitMetrics {
    in_use: "payoutd_http_held_requests",
    rejected: "payoutd_http_held_requests_refused_total",
};

impl Waiting {
    /// Waiting within these limits, until `stop` is asked for.
    #[must_use]
    pub fn new(config: WaitingConfig, stop: Shutdown) -> Self {
        let held = Arc::new(KeyedPermits::new(config.max_held, config.max_held_per_key, METRICS));
        Self { held, stop, config }
    }

    pub(super) fn config(&self) -> WaitingConfig {
        self.config
    }

    /// What ends all waiting.
    pub(super) fn stop(&self) -> Shutdown {
        self.stop.clone()
    }

    /// A place for one more request that waits.
    pub(super) fn place(&self, principal: Principal) -> Result<Permit<Uuid>, Problem> {
        self.held.try_acquire(principal.key_id).map_err(|no_place| match no_place {
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
