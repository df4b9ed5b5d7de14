//! The relay: reads unpublished messages, publishes them in waves, and marks the confirmed ones as published.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use payoutd_actors::failpoint;
use payoutd_actors::ports::{Clock, Unavailable};
use payoutd_domain::{Mode, PayoutId};
use tokio::sync::Notify;

use super::{Outbox, OutboxMessage, Publisher};
use crate::runtime::shutdown::Shutdown;

/// The pace of a relay.
#[derive(Debug, Clone, Copy)]
pub struct RelayConfig {
    /// The most messages in one round.
    pub batch: u32,
    /// The longest pause without a wakeup before the outbox is read again.
    pub poll: Duration,
}

/// Publishes the messages of one mode. Each mode has its own relay, so that a broker outage does not block the sandbox.
pub struct Relay {
    /// The mode of the messages.
    pub mode: Mode,
    /// The source of the messages.
    pub outbox: Arc<dyn Outbox>,
    /// The destination of the messages.
    pub publisher: Arc<dyn Publisher>,
    /// Notified after each commit of this mode.
    pub wakeup: Arc<Notify>,
    /// The pace.
    pub config: RelayConfig,
}

/// The pause after the first failed round. It doubles with each further failure.
const MIN_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The outcome of one round.
enum RoundOutcome {
    /// Nothing could be published.
    Idle,
    Published,
    /// At least one message must be retried. Holds the cause.
    Failed(String),
}

impl Relay {
    /// Publishes until `shutdown` is requested and a round finds nothing to publish, or fails.
    pub async fn run(self, mut shutdown: Shutdown) {
        let mut pause = MIN_PAUSE;
        loop {
            match self.round().await {
                Ok(RoundOutcome::Published) => pause = MIN_PAUSE,
                Ok(RoundOutcome::Idle) => {
                    pause = MIN_PAUSE;
                    tokio::select! {
                        () = shutdown.requested() => return,
                        () = self.wakeup.notified() => {}
                        () = tokio::time::sleep(self.config.poll) => {}
                    }
                }
                Ok(RoundOutcome::Failed(why)) | Err(Unavailable(why)) => {
                    metrics::counter!("payoutd_outbox_failed_rounds_total").increment(1);
                    tracing::warn!(mode = %self.mode, why, ?pause, "cannot publish; retrying");
                    tokio::select! {
                        () = shutdown.requested() => return,
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(MAX_PAUSE);
                }
            }
        }
    }

    async fn round(&self) -> Result<RoundOutcome, Unavailable> {
        let pending = self.outbox.pending(self.mode, self.config.batch).await?;
        if pending.is_empty() {
            return Ok(RoundOutcome::Idle);
        }
        let mut failed_payouts = HashSet::new();
        let mut failure = None;
        let mut published = 0;
        for wave in waves(pending) {
            let wave: Vec<_> =
                wave.into_iter().filter(|message| !failed_payouts.contains(&message.payout_id)).collect();
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
                        failed_payouts.insert(message.payout_id);
                        if error.is_permanent() {
                            // The message stays in the outbox, for operators, and blocks its payout only.
                            tracing::error!(message = message.id, payout = %message.payout_id, %error, "a message can never be published; it stays in the outbox");
                        } else {
                            failure = Some(error.to_string());
                        }
                    }
                }
            }
            self.outbox.mark_published(&confirmed).await?;
            failpoint::pass("outbox-cleared");
            published += confirmed.len();
            metrics::counter!("payoutd_outbox_published_total", "mode" => self.mode.as_str())
                .increment(confirmed.len() as u64);
        }
        Ok(match failure {
            Some(why) => RoundOutcome::Failed(why),
            None if published == 0 => RoundOutcome::Idle,
            None => RoundOutcome::Published,
        })
    }

    /// Updates the gauges of the backlog until `shutdown` is requested.
    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    pub async fn observe(outbox: Arc<dyn Outbox>, clock: Arc<dyn Clock>, mut shutdown: Shutdown) {
        loop {
            if let Ok(backlog) = outbox.backlog().await {
                let lag = backlog.oldest.map_or(0.0, |oldest| clock.now().seconds_since(oldest));
                metrics::gauge!("payoutd_outbox_waiting").set(backlog.pending as f64);
                metrics::gauge!("payoutd_outbox_lag_seconds").set(lag.max(0.0));
            }
            tokio::select! {
                () = shutdown.requested() => return,
                () = tokio::time::sleep(Duration::from_secs(5)) => {}
            }
        }
    }
}

/// Splits messages, oldest first, into waves with at most one message of each payout. A wave is sent after the previous
/// wave is confirmed, so a lost confirm can repeat a message but cannot reorder two messages of one payout.
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
