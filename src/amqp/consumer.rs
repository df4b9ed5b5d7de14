//! The consumer of chain reports: an endless loop of sessions with the broker.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::session::{self, Ended};
use super::settings::AmqpSettings;
use super::status::{ConsumerState, ConsumerStatus};
use crate::reports::{DeadLetters, KeyedQueue, ReportIntake, StoreProbe};
use crate::runtime::backoff::Backoff;

const RECONNECT: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
const ASK_STORE_AGAIN: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(10));
/// A store that takes longer to say a word does not answer.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);
/// A session this long was a good one: the next failure is a new story.
const GOOD_SESSION: Duration = Duration::from_secs(10);

/// How the consumer works.
#[derive(Debug, Clone, Copy)]
pub struct ConsumerConfig {
    /// The most reports in hand at once, 1 to 5,000.
    pub prefetch: u16,
    /// How long a report that cannot be recorded is tried again before the session is given up. Well below the half
    /// hour after which a broker closes the channel by itself.
    pub patience: Duration,
    /// How long work in hand may take at shutdown.
    pub drain: Duration,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self { prefetch: 2_000, patience: Duration::from_secs(15 * 60), drain: Duration::from_secs(10) }
    }
}

/// What every report in hand needs.
pub(super) struct Intake {
    pub(super) settings: AmqpSettings,
    pub(super) config: ConsumerConfig,
    pub(super) desk: Arc<ReportIntake>,
    pub(super) letters: Arc<dyn DeadLetters>,
    pub(super) store: Arc<dyn StoreProbe>,
    pub(super) status: Arc<ConsumerStatus>,
    /// Longer than a session: what is still in hand from the last one goes first.
    pub(super) turns: KeyedQueue,
}

impl Intake {
    /// Whether the store answers, in good time.
    pub(super) async fn store_answers(&self) -> bool {
        timeout(STORE_TIMEOUT, self.store.answers()).await.unwrap_or(false)
    }
}

/// Consumes chain reports and acknowledges each once its outcome is committed.
pub struct Consumer {
    intake: Arc<Intake>,
}

impl Consumer {
    /// A consumer. Nothing happens before it [`run`](Self::run)s.
    #[must_use]
    pub fn new(
        settings: AmqpSettings,
        config: ConsumerConfig,
        desk: Arc<ReportIntake>,
        letters: Arc<dyn DeadLetters>,
        store: Arc<dyn StoreProbe>,
    ) -> Self {
        let config = ConsumerConfig { prefetch: config.prefetch.clamp(1, 5_000), ..config };
        let (status, turns) = (Arc::default(), KeyedQueue::default());
        Self { intake: Arc::new(Intake { settings, config, desk, letters, store, status, turns }) }
    }

    /// What it is up to, for readiness.
    #[must_use]
    pub fn status(&self) -> Arc<ConsumerStatus> {
        Arc::clone(&self.intake.status)
    }

    /// Consumes until `shutdown`, then finishes what is in hand. Whatever happens to the broker or the store, this
    /// does not end before.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let intake = self.intake;
        let mut shutdown = pin!(shutdown);
        let mut backoff = RECONNECT;
        loop {
            if wait_for_store(&intake, shutdown.as_mut()).await.is_err() {
                break;
            }
            let started = Instant::now();
            match session::run(&intake, shutdown.as_mut()).await {
                Ended::Shutdown => break,
                Ended::StoreDown => {
                    tracing::warn!(
                        "reports cannot be recorded for a long time; giving them back to the broker"
                    );
                }
                Ended::Lost(why) => tracing::warn!(why, "lost the broker; connecting again"),
            }
            intake.status.set(ConsumerState::Disconnected);
            metrics::counter!("payoutd_amqp_reconnects_total", "connection" => "payoutd reports")
                .increment(1);
            if started.elapsed() >= GOOD_SESSION {
                backoff.reset();
            }
            tokio::select! {
                () = shutdown.as_mut() => break,
                () = tokio::time::sleep(backoff.next_delay()) => {}
            }
        }
        intake.status.set(ConsumerState::Stopped);
    }
}

/// Shutdown came first.
struct ShutdownCame;

/// Fetching reports that nobody can record would only move them back and forth.
async fn wait_for_store(
    intake: &Intake,
    mut shutdown: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Result<(), ShutdownCame> {
    let mut backoff = ASK_STORE_AGAIN;
    loop {
        tokio::select! {
            () = shutdown.as_mut() => return Err(ShutdownCame),
            answers = intake.store_answers() => if answers {
                return Ok(());
            }
        }
        intake.status.set(ConsumerState::WaitingForStore);
        tokio::select! {
            () = shutdown.as_mut() => return Err(ShutdownCame),
            () = tokio::time::sleep(backoff.next_delay()) => {}
        }
    }
}
