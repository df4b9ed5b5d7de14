//! Runs one attempt of one delivery: renders, signs, posts and records it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use payoutd_actors::ports::{Clock, Stored, Unavailable};
use payoutd_domain::Timestamp;

use super::DispatcherOptions;
use super::sandbox_behavior::{self, SandboxBehavior, sandbox_behavior};
use crate::webhooks::event::{WebhookEvent, events};
use crate::webhooks::schedule::{DISABLE_AFTER, delay_after, random_fraction};
use crate::webhooks::transport::PostResult;
use crate::webhooks::{
    DisabledReason, DueDelivery, Endpoint, Message, Outcome, RecordedAttempt, Transport, Verdict,
    WebhookDelivery, WebhookStore, metrics, sign,
};
use crate::wire::Renderer;

pub(super) struct DeliveryRunner {
    store: Arc<dyn WebhookStore>,
    transport: Arc<Transport>,
    renderer: Renderer,
    clock: Arc<dyn Clock>,
    slow_after: Duration,
}

/// How long a delivery is deferred whose change cannot be read from the journal.
const UNREADABLE_PAUSE_SECONDS: u32 = 60 * 60;
/// The pauses between the tries to record an attempt. After the last one the delivery stays due and is sent again.
const RECORD_PAUSES_MILLIS: [u64; 8] = [50, 200, 500, 1000, 2000, 5000, 10_000, 20_000];
/// The timeout of an attempt, which leaves the deadline to the transport.
const NO_TIMEOUT: Duration = Duration::MAX;

impl DeliveryRunner {
    pub(super) fn new(options: &DispatcherOptions) -> Self {
        Self {
            store: Arc::clone(&options.store),
            transport: Arc::clone(&options.transport),
            renderer: options.renderer.clone(),
            clock: Arc::clone(&options.clock),
            slow_after: options.limits.slow_after,
        }
    }

    /// Makes one attempt and records it. Returns whether the endpoint is healthy: whether it succeeded in time.
    pub(super) async fn deliver(&self, due: DueDelivery, payout: Option<Arc<Stored>>) -> bool {
        let events = payout.as_deref().and_then(|stored| events(stored).ok()).unwrap_or_default();
        let Some(event) = events.iter().find(|event| event.sequence() == due.delivery.sequence) else {
            self.defer_unreadable(&due).await;
            return due.endpoint.failing_since.is_none();
        };
        match sandbox_behavior(&due, &events, self.clock.now()) {
            SandboxBehavior::None => self.attempt(&due.endpoint, &due.delivery, event, false).await,
            SandboxBehavior::Duplicate => self.attempt(&due.endpoint, &due.delivery, event, true).await,
            SandboxBehavior::DeferUntil(until) => {
                self.defer(&due, until).await;
                true
            }
            SandboxBehavior::SendAfter(last) => {
                self.deliver_early(&due, last).await;
                self.attempt(&due.endpoint, &due.delivery, event, false).await
            }
        }
    }

    async fn attempt(
        &self,
        endpoint: &Endpoint,
        delivery: &WebhookDelivery,
        event: &WebhookEvent,
        duplicate: bool,
    ) -> bool {
        let first = self.post(endpoint, delivery, event).await;
        let succeeded = first.attempt.verdict() == Verdict::Succeeded;
        let mut attempts = vec![first.attempt.clone()];
        if duplicate && succeeded {
            attempts.push(self.post(endpoint, delivery, event).await.attempt);
        }
        let healthy = succeeded && Duration::from_millis(first.attempt.duration_ms) <= self.slow_after;
        let now = self.clock.now();
        let number = delivery.attempts.saturating_add(1);
        let outcome = outcome(&first, number, endpoint.failing_since, now, random_fraction());
        if let Outcome::Abandoned(reason) = outcome {
            let reason_name = reason.as_str();
            tracing::warn!(endpoint = %endpoint.id, org = %endpoint.org, reason = reason_name, "disabled a webhook endpoint");
            metrics::count_disabled(reason);
        }
        let (id, endpoint_id, log) = (delivery.id, endpoint.id, delivery.log_with(attempts));
        self.record(&RecordedAttempt { id, endpoint_id, attempts: number, outcome, log, at: now }).await;
        healthy
    }

    async fn post(
        &self,
        endpoint: &Endpoint,
        delivery: &WebhookDelivery,
        event: &WebhookEvent,
    ) -> PostResult {
        let now = self.clock.now();
        let message = self.message(endpoint, delivery, event, now);
        let result = self.transport.post(&endpoint.url, &message, now, NO_TIMEOUT).await;
        let attempt = &result.attempt;
        metrics::count_attempt(attempt);
        tracing::debug!(
            endpoint = %endpoint.id,
            payout = %delivery.payout_id,
            sequence = delivery.sequence.0,
            attempt = delivery.attempts.saturating_add(1),
            result = attempt.label(),
            duration_ms = attempt.duration_ms,
            "sent a webhook"
        );
        result
    }

    fn message(
        &self,
        endpoint: &Endpoint,
        delivery: &WebhookDelivery,
        event: &WebhookEvent,
        now: Timestamp,
    ) -> Message {
        let change = &event.change;
        let rendered = self.renderer.webhook(
            event.kind.as_str(),
            change.previous_status,
            &change.snapshot,
            change.recorded_at,
        );
        // Serialization of plain data does not fail; see `Renderer::webhook`.
        let body = rendered.unwrap_or_default();
        let (id, timestamp) = (delivery.message_id().to_string(), now.micros() / 1_000_000);
        let signature = sign(endpoint.secrets_at(now), &id, timestamp, &body);
        Message { id, timestamp, signature, body: Bytes::from(body) }
    }

    /// Sends the last delivery about a payout before the one that is due, unless it has been attempted already.
    async fn deliver_early(&self, due: &DueDelivery, last: &WebhookEvent) {
        let newest =
            self.store.deliveries(due.endpoint.id, None, sandbox_behavior::SEARCHED_DELIVERIES).await;
        let found = newest.unwrap_or_default().into_iter().find(|delivery| {
            delivery.payout_id == due.delivery.payout_id
                && delivery.sequence == last.sequence()
                && delivery.attempts == 0
        });
        if let Some(delivery) = found {
            self.attempt(&due.endpoint, &delivery, last, false).await;
        }
    }

    async fn defer_unreadable(&self, due: &DueDelivery) {
        let WebhookDelivery { payout_id, sequence, .. } = due.delivery;
        tracing::error!(payout = %payout_id, sequence = sequence.0, "the change of a webhook delivery is not in the journal");
        self.defer(due, self.clock.now().plus_seconds(UNREADABLE_PAUSE_SECONDS)).await;
    }

    async fn defer(&self, due: &DueDelivery, until: Timestamp) {
        let WebhookDelivery { id, attempts, ref log, .. } = due.delivery;
        let (endpoint_id, log, at) = (due.endpoint.id, log.clone(), self.clock.now());
        let outcome = Outcome::Deferred(until);
        self.record(&RecordedAttempt { id, endpoint_id, attempts, outcome, log, at }).await;
    }

    /// Records an attempt. If every try fails, the delivery is sent again: at least once, not at most once.
    async fn record(&self, recorded: &RecordedAttempt) {
        for pause in RECORD_PAUSES_MILLIS {
            match self.store.record_attempt(recorded).await {
                Ok(()) => return,
                Err(Unavailable(reason)) => {
                    tracing::warn!(reason, endpoint = %recorded.endpoint_id, "could not record a webhook attempt");
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
            }
        }
    }
}

/// The outcome of the attempt with this `number`, to an endpoint that has been failing since `failing_since`.
fn outcome(
    result: &PostResult,
    number: u32,
    failing_since: Option<Timestamp>,
    now: Timestamp,
    random: f64,
) -> Outcome {
    match result.attempt.verdict() {
        Verdict::Succeeded => Outcome::Succeeded,
        Verdict::Gone => Outcome::Abandoned(DisabledReason::Gone),
        Verdict::Failed => {
            let failing_for = failing_since.map_or(0.0, |since| now.seconds_since(since));
            match delay_after(number, random, result.retry_after) {
                Some(delay) if failing_for < DISABLE_AFTER.as_secs_f64() => {
                    Outcome::RetryAt(plus(now, delay))
                }
                Some(_) | None => Outcome::Abandoned(DisabledReason::Failing),
            }
        }
    }
}

fn plus(now: Timestamp, delay: Duration) -> Timestamp {
    let micros = i64::try_from(delay.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.micros().saturating_add(micros)).unwrap_or(now)
}
