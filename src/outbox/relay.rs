//! The relay's loop: take what waits, publish it in waves, strike off what was confirmed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use payoutd_actors::failpoint;
use payoutd_actors::ports::{Clock, Unavailable};
use payoutd_domain::{Mode, PayoutId};
use tokio::sync::Notify;

use super::{Outbox, OutboxMessage, Publisher};
use crate::runtime::shutdown::Shutdown;

/// How the relay works.
#[derive(Debug, Clone, Copy)]
pub struct RelayConfig {
    /// The most messages in one round.
    pub batch: u32,
    /// How long to wait for a hint before looking anyway.
    pub poll: Duration,
}

/// Publishes the messages of one mode. There is one per mode, so that a broker that is away never holds up the sandbox.
pub struct Relay {
    /// Whose messages.
    pub mode: Mode,
    /// Where they wait.
    pub outbox: Arc<dyn Outbox>,
    /// Where they go.
    pub publisher: Arc<dyn Publisher>,
    /// Rung when something was committed.
    pub hint: Arc<Notify>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How it works.
    pub config: RelayConfig,
}

/// The pauses after rounds that failed: doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// What a round did.
enum Round {
    /// There was nothing to do.
    Idle,
    /// All of this was published.
    Published,
    /// Some of it was not.
    Failed(String),
}

impl Relay {
    /// Publishes until `stop`, then once more what is waiting.
    pub async fn run(self, mut stop: Shutdown) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.round().await {
                Ok(Round::Published) => pause = FIRST_PAUSE,
                Ok(Round::Idle) => {
                    pause = FIRST_PAUSE;
                    tokio::select! {
                        () = stop.requested() => return,
                        () = self.hint.notified() => {}
                        () = tokio::time::sleep(self.config.poll) => {}
                    }
                }
                Ok(Round::Failed(why)) | Err(Unavailable(why)) => {
                    metrics::counter!("payoutd_outbox_failed_rounds_total").increment(1);
                    tracing::warn!(mode = %self.mode, why, ?pause, "could not publish; trying again");
                    tokio::select! {
                        () = stop.requested() => return,
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(LAST_PAUSE);
                }
            }
        }
    }

    async fn round(&self) -> Result<Round, Unavailable> {
        let waiting = self.outbox.waiting(self.mode, self.config.batch).await?;
        if waiting.is_empty() {
            return Ok(Round::Idle);
        }
        let mut held_back = HashSet::new();
        let mut failure = None;
        let mut published = 0;
        for wave in waves(waiting) {
            let wave: Vec<_> = wave.into_iter().filter(|m| !held_back.contains(&m.payout_id)).collect();
            if wave.is_empty() {
                continue;
            }
            failpoint::pass("publishing");
            let results = self.publisher.publish(&wave).await;
            failpoint::pass("confirmed");
            let mut confirmed = Vec::with_capacity(wave.len());
            for (message, result) in wave.iter().zip(results) {
                match result {
                    Ok(()) => confirmed.push(message.id),
                    Err(error) => {
                        held_back.insert(message.payout_id);
                        if error.is_permanent() {
                            // It keeps its place, and its payout's order, for operators to see; others go on.
                            tracing::error!(message = message.id, payout = %message.payout_id, %error, "cannot be published");
                        } else {
                            failure = Some(error.to_string());
                        }
                    }
                }
            }
            self.outbox.published(&confirmed).await?;
            failpoint::pass("outbox-cleared");
            published += confirmed.len();
            metrics::counter!("payoutd_outbox_published_total", "mode" => self.mode.as_str())
                .increment(confirmed.len() as u64);
        }
        Ok(match failure {
            Some(why) => Round::Failed(why),
            None if published == 0 => Round::Idle,
            None => Round::Published,
        })
    }

    /// Reports how much waits, and since when, until `stop`.
    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    pub async fn observe(outbox: Arc<dyn Outbox>, clock: Arc<dyn Clock>, mut stop: Shutdown) {
        loop {
            if let Ok(backlog) = outbox.backlog().await {
                let lag = backlog.oldest.map_or(0.0, |oldest| clock.now().seconds_since(oldest));
                metrics::gauge!("payoutd_outbox_waiting").set(backlog.waiting as f64);
                metrics::gauge!("payoutd_outbox_lag_seconds").set(lag.max(0.0));
            }
            tokio::select! {
                () = stop.requested() => return,
                () = tokio::time::sleep(Duration::from_secs(5)) => {}
            }
        }
    }
}

/// Splits messages so that each wave holds at most one of every payout, oldest first: the next is sent only once the
/// one before is confirmed, so a lost confirm can repeat a message but never reorder two.
fn waves(messages: Vec<OutboxMessage>) -> Vec<Vec<OutboxMessage>> {
    let mut waves: Vec<Vec<OutboxMessage>> = Vec::new();
    let mut next_wave: std::collections::HashMap<PayoutId, usize> = std::collections::HashMap::new();
    for message in messages {
        let wave = next_wave.entry(message.payout_id).or_default();
        if *wave == waves.len() {
            waves.push(Vec::new());
        }
        waves[*wave].push(message);
        *wave += 1;
    }
    waves
}

#[cfg(test)]
mod tests;
