//! The limits and the dependencies that a consumer, its sessions and its delivery handlers share.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::settings::AmqpSettings;
use super::status::ConsumerStatus;
use crate::reports::{DeadLetters, KeyedQueue, ReportIntake, StoreProbe};

/// The longest time to wait for the store's answer to a probe.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// The limits of a consumer.
#[derive(Debug, Clone, Copy)]
pub struct ConsumerConfig {
    /// The most deliveries received and not yet acknowledged. Must not be 0: in AMQP, 0 means no limit.
    pub prefetch: u16,
    /// How long a report that cannot be recorded is retried before the session ends. Must be well below 30 minutes:
    /// after that, RabbitMQ closes a channel with an unacknowledged delivery.
    pub max_retry_time: Duration,
    /// How long unfinished deliveries may take after a shutdown is requested.
    pub drain: Duration,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self { prefetch: 2_000, max_retry_time: Duration::from_secs(15 * 60), drain: Duration::from_secs(10) }
    }
}

pub(super) struct ConsumerContext {
    pub(super) settings: AmqpSettings,
    pub(super) config: ConsumerConfig,
    pub(super) intake: Arc<ReportIntake>,
    pub(super) dead_letters: Arc<dyn DeadLetters>,
    pub(super) store: Arc<dyn StoreProbe>,
    pub(super) status: Arc<ConsumerStatus>,
    /// Outlives a session: the unfinished deliveries of the previous session come before redelivered ones.
    pub(super) queue: KeyedQueue,
}

impl ConsumerContext {
    /// Whether the store answers within [`STORE_TIMEOUT`].
    pub(super) async fn store_answers(&self) -> bool {
        timeout(STORE_TIMEOUT, self.store.answers()).await.unwrap_or(false)
    }
}
