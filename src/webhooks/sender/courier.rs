//! One delivery, one attempt: render, sign, post, write down.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use payoutd_actors::ports::{Clock, Stored, Unavailable};
use payoutd_domain::Timestamp;

use super::SenderParts;
use super::sandbox::{self, SandboxBehavior};
use crate::webhooks::history::{Told, history};
use crate::webhooks::schedule::{PATIENCE, random_share, wait_after};
use crate::webhooks::transport::Exchange;
use crate::webhooks::{
    Delivery, DisabledReason, Due, Endpoint, Message, Outcome, Recorded, Transport, Verdict, WebhookStore,
    metrics, sign,
};
use crate::wire::Renderer;

/// Sees deliveries through.
pub(super) struct DeliveryRunner {
    store: Arc<dyn WebhookStore>,
    transport: Arc<Transport>,
    renderer: Renderer,
    clock: Arc<dyn Clock>,
    slow: Duration,
}

/// A delivery whose payout cannot be read is looked at again after this.
const UNREADABLE_PAUSE_SECONDS: u32 = 60 * 60;
/// The pauses between tries to write an attempt down. After the last, it is sent again instead.
const RECORD_PAUSES_MILLIS: [u64; 8] = [50, 200, 500, 1000, 2000, 5000, 10_000, 20_000];
/// One attempt is never given more: the transport's own deadline is shorter.
const NO_SHORTER: Duration = Duration::MAX;

impl DeliveryRunner {
    pub(super) fn new(parts: &SenderParts) -> Self {
        Self {
            store: Arc::clone(&parts.store),
            transport: Arc::clone(&parts.transport),
            renderer: parts.renderer.clone(),
            clock: Arc::clone(&parts.clock),
            slow: parts.limits.slow,
        }
    }

    /// Makes one attempt and writes it down. Returns whether the endpoint answered well, and at once.
    pub(super) async fn deliver(&self, due: Due, payout: Option<Arc<Stored>>) -> bool {
        let told = payout.as_deref().and_then(|stored| history(stored).ok()).unwrap_or_default();
        let Some(this) = told.iter().find(|told| told.sequence() == due.delivery.sequence) else {
            self.put_off_unreadable(&due).await;
            return due.endpoint.failing_since.is_none();
        };
        match sandbox::quirk(&due, &told, self.clock.now()) {
            SandboxBehavior::None => self.attempt(&due.endpoint, &due.delivery, this, false).await,
            SandboxBehavior::Twice => self.attempt(&due.endpoint, &due.delivery, this, true).await,
            SandboxBehavior::WaitUntil(when) => {
                self.put_off(&due, when).await;
                true
            }
            SandboxBehavior::After(last) => {
                self.deliver_early(&due, last).await;
                self.attempt(&due.endpoint, &due.delivery, this, false).await
            }
        }
    }

    async fn attempt(&self, endpoint: &Endpoint, delivery: &Delivery, told: &Told, twice: bool) -> bool {
        let first = self.post(endpoint, delivery, told).await;
        let mut attempts = vec![first.attempt.clone()];
        if twice && first.attempt.verdict() == Verdict::Succeeded {
            attempts.push(self.post(endpoint, delivery, told).await.attempt);
        }
        let took = Duration::from_millis(first.attempt.duration_ms);
        let well = first.attempt.verdict() == Verdict::Succeeded && took <= self.slow;
        let now = self.clock.now();
        let number = delivery.attempts.saturating_add(1);
        let outcome = outcome(&first, number, endpoint.failing_since, now, random_share());
        if let Outcome::GivenUp(reason) = outcome {
            tracing::warn!(endpoint = %endpoint.id, org = %endpoint.org, reason = reason.as_str(), "a webhook endpoint is disabled");
            metrics::disabled(reason);
        }
        let (id, endpoint_id, log) = (delivery.id, endpoint.id, delivery.log_with(attempts));
        self.record(&Recorded { id, endpoint_id, attempts: number, outcome, log, at: now }).await;
        well
    }

    async fn post(&self, endpoint: &Endpoint, delivery: &Delivery, told: &Told) -> Exchange {
        let now = self.clock.now();
        let message = self.message(endpoint, delivery, told, now);
        let exchange = self.transport.post(&endpoint.url, &message, now, NO_SHORTER).await;
        let attempt = &exchange.attempt;
        metrics::attempted(attempt);
        tracing::debug!(
            endpoint = %endpoint.id,
            payout = %delivery.payout_id,
            sequence = delivery.sequence.0,
            attempt = delivery.attempts.saturating_add(1),
            result = attempt.label(),
            duration_ms = attempt.duration_ms,
            "webhook sent"
        );
        exchange
    }

    fn message(&self, endpoint: &Endpoint, delivery: &Delivery, told: &Told, now: Timestamp) -> Message {
        let change = &told.change;
        let rendered = self.renderer.webhook(
            told.kind.as_str(),
            change.previous_status,
            &change.snapshot,
            told.change.recorded_at,
        );
        // Plain data is always written; see `Renderer::webhook`.
        let body = rendered.unwrap_or_default();
        let (id, timestamp) = (delivery.message_id().to_string(), now.micros() / 1_000_000);
        let signature = sign(endpoint.secrets_at(now), &id, timestamp, &body);
        Message { id, timestamp, signature, body: Bytes::from(body) }
    }

    /// Sends the last delivery about a payout before its time, as a sandbox scenario asks, if it was not sent yet.
    async fn deliver_early(&self, due: &Due, last: &Told) {
        let newest = self.store.deliveries(due.endpoint.id, None, sandbox::LOOK_BACK).await;
        let found = newest.unwrap_or_default().into_iter().find(|delivery| {
            delivery.payout_id == due.delivery.payout_id
                && delivery.sequence == last.sequence()
                && delivery.attempts == 0
        });
        if let Some(delivery) = found {
            self.attempt(&due.endpoint, &delivery, last, false).await;
        }
    }

    async fn put_off_unreadable(&self, due: &Due) {
        let Delivery { payout_id, sequence, .. } = due.delivery;
        tracing::error!(payout = %payout_id, sequence = sequence.0, "the journal cannot tell what a webhook is about");
        self.put_off(due, self.clock.now().plus_seconds(UNREADABLE_PAUSE_SECONDS)).await;
    }

    async fn put_off(&self, due: &Due, until: Timestamp) {
        let Delivery { id, attempts, ref log, .. } = due.delivery;
        let (endpoint_id, log, at) = (due.endpoint.id, log.clone(), self.clock.now());
        self.record(&Recorded { id, endpoint_id, attempts, outcome: Outcome::PutOff(until), log, at }).await;
    }

    /// Writes an attempt down. Where that fails for good, it will be made again: once too often, not once too few.
    async fn record(&self, recorded: &Recorded) {
        for pause in RECORD_PAUSES_MILLIS {
            match self.store.record_attempt(recorded).await {
                Ok(()) => return,
                Err(Unavailable(why)) => {
                    tracing::warn!(why, endpoint = %recorded.endpoint_id, "a webhook attempt could not be written down");
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
            }
        }
    }
}

/// What an attempt means: the attempt of that `number`, to an endpoint that has been failing since then.
fn outcome(
    exchange: &Exchange,
    number: u32,
    failing_since: Option<Timestamp>,
    now: Timestamp,
    random: f64,
) -> Outcome {
    match exchange.attempt.verdict() {
        Verdict::Succeeded => Outcome::Succeeded,
        Verdict::Gone => Outcome::GivenUp(DisabledReason::Gone),
        Verdict::Failed => {
            let failing_for = failing_since.map_or(0.0, |since| now.seconds_since(since));
            match wait_after(number, random, exchange.retry_after) {
                Some(wait) if failing_for < PATIENCE.as_secs_f64() => Outcome::RetryAt(later(now, wait)),
                Some(_) | None => Outcome::GivenUp(DisabledReason::Failing),
            }
        }
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    let micros = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.micros().saturating_add(micros)).unwrap_or(now)
}
