//! The consumer of chain reports: one session with the broker after another.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::context::{ConsumerConfig, ConsumerContext};
use super::session::{self, SessionEnd};
use super::settings::AmqpSettings;
use super::status::{ConsumerState, ConsumerStatus};
use crate::reports::{DeadLetters, KeyedQueue, ReportIntake, StoreProbe};
use crate::runtime::backoff::Backoff;
use crate::runtime::shutdown::Shutdown;

const RECONNECT: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
const STORE_PROBE: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(10));
/// The reconnect backoff is reset after a session that lasts at least this long.
const STABLE_SESSION: Duration = Duration::from_secs(10);

/// Consumes chain reports and acknowledges each once its outcome is committed.
pub struct Consumer {
    context: Arc<ConsumerContext>,
}

impl Consumer {
    /// Creates a consumer. [`run`](Self::run) connects it.
    #[must_use]
    pub fn new(
        settings: AmqpSettings,
        config: ConsumerConfig,
        intake: Arc<ReportIntake>,
        dead_letters: Arc<dyn DeadLetters>,
        store: Arc<dyn StoreProbe>,
    ) -> Self {
        let (status, queue) = (Arc::default(), KeyedQueue::default());
        let context = ConsumerContext { settings, config, intake, dead_letters, store, status, queue };
        Self { context: Arc::new(context) }
    }

    /// The consumer's state, for readiness checks.
    #[must_use]
    pub fn status(&self) -> Arc<ConsumerStatus> {
        Arc::clone(&self.context.status)
    }

    /// Consumes until `shutdown` is requested, then finishes the deliveries it has received. Failures of the
    /// broker, the store or the acknowledger end the session, not this function.
    pub async fn run(self, mut shutdown: Shutdown) {
        let context = self.context;
        let mut backoff = RECONNECT;
        loop {
            if wait_for_store(&context, &mut shutdown).await.is_err() {
                break;
            }
            let started = Instant::now();
            match session::run(&context, &mut shutdown).await {
                SessionEnd::Shutdown => break,
                SessionEnd::StoreDown => tracing::warn!(
                    "the store does not record reports; the broker redelivers them when the store answers again"
                ),
                SessionEnd::BrokerLost(why) => tracing::warn!(why, "lost the broker; reconnecting"),
                SessionEnd::AcknowledgerFailed(error) => tracing::error!(
                    %error,
                    "the consumer's session ended; the broker redelivers unacknowledged reports; reconnecting"
                ),
            }
            context.status.set(ConsumerState::Disconnected);
            metrics::counter!("payoutd_amqp_reconnects_total", "connection" => "payoutd reports")
                .increment(1);
            if started.elapsed() >= STABLE_SESSION {
                backoff.reset();
            }
            tokio::select! {
                () = shutdown.requested() => break,
                () = tokio::time::sleep(backoff.next_delay()) => {}
            }
        }
        context.status.set(ConsumerState::Stopped);
    }
}

struct ShutdownRequested;

/// Waits until the store answers. While it does not, received reports would only be returned to the broker.
async fn wait_for_store(context: &ConsumerContext, shutdown: &mut Shutdown) -> Result<(), ShutdownRequested> {
    let mut backoff = STORE_PROBE;
    loop {
        tokio::select! {
            () = shutdown.requested() => return Err(ShutdownRequested),
            answers = context.store_answers() => if answers {
                return Ok(());
            }
        }
        context.status.set(ConsumerState::WaitingForStore);
        tokio::select! {
            () = shutdown.requested() => return Err(ShutdownRequested),
            () = tokio::time::sleep(backoff.next_delay()) => {}
        }
    }
}
