//! One delivered message, from the queue of its payout until it is acknowledged.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use payoutd_actors::failpoint;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use super::acknowledger::AckSender;
use super::context::ConsumerContext;
use crate::reports::{Acknowledged, DeadLetter, DeadLetterReason, Disposition, Incoming, QueueTicket};
use crate::runtime::backoff::Backoff;

const RETRY: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
/// The longest time for one attempt. After a timeout, the next attempt recognises what the previous one recorded.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// Processes one delivery of a session.
pub(super) struct DeliveryHandler {
    pub(super) context: Arc<ConsumerContext>,
    /// True while the session ends: no attempt may start.
    pub(super) session_ending: watch::Receiver<bool>,
    /// Reports to the session that the store records nothing.
    pub(super) store_down: mpsc::Sender<()>,
    pub(super) acks: AckSender,
}

/// The session ends before the delivery is processed. The broker redelivers the message.
struct SessionEnding;

/// The reason for dead-lettering a message, with its detail.
type Rejection = (DeadLetterReason, String);

/// Processes one message and then has it acknowledged. A message that is not processed stays unacknowledged.
pub(super) async fn handle_delivery(
    mut handler: DeliveryHandler,
    delivery: Delivery,
    mut ticket: QueueTicket,
) {
    let _in_flight = InFlight::new();
    let received_at = handler.context.intake.now();
    ticket.wait().await;
    failpoint::pass("report-received");
    if *handler.session_ending.borrow() {
        return;
    }
    let headers = delivery.properties.headers().as_ref().map(text_headers).unwrap_or_default();
    let incoming = Incoming {
        routing_key: delivery.routing_key.as_str(),
        content_type: delivery.properties.content_type().as_ref().map(ShortString::as_str),
        headers: &headers,
        body: &delivery.data,
        received_at,
    };
    let processed = match handler.process(&incoming).await {
        Ok(None) => Ok(()),
        Ok(Some((reason, detail))) => {
            handler.send_dead_letter(dead_letter(&delivery, &incoming, reason, detail)).await
        }
        Err(SessionEnding) => Err(SessionEnding),
    };
    if processed.is_ok() {
        failpoint::pass("report-settled");
        handler.acks.send(delivery.delivery_tag, delivery.acker);
    }
}

impl DeliveryHandler {
    /// Processes the message, with retries. Returns the rejection if the message must be dead-lettered.
    async fn process(&mut self, incoming: &Incoming<'_>) -> Result<Option<Rejection>, SessionEnding> {
        let mut retry = Retry::new();
        loop {
            let why = match self.process_once(incoming).await {
                Disposition::Acknowledge(Acknowledged::Recorded(_)) => return Ok(None),
                Disposition::Acknowledge(Acknowledged::Parked) => {
                    metrics::counter!("payoutd_intake_parked_total").increment(1);
                    return Ok(None);
                }
                Disposition::DeadLetter { reason, detail } => return Ok(Some((reason, detail))),
                Disposition::TryLater(why) => why,
            };
            if retry.since.elapsed() >= self.context.config.max_retry_time {
                if self.context.store_answers().await {
                    tracing::error!(why, "the store answers, but does not record a report");
                    let detail = "the store answers, but does not record this report".to_owned();
                    return Ok(Some((DeadLetterReason::NotRecordable, detail)));
                }
                // Fails if another handler has reported it already.
                let _ = self.store_down.try_send(());
            }
            self.pause(&mut retry, &why).await?;
        }
    }

    async fn process_once(&self, incoming: &Incoming<'_>) -> Disposition {
        let attempt = AssertUnwindSafe(self.context.intake.process(incoming)).catch_unwind();
        match timeout(ATTEMPT_TIMEOUT, attempt).await {
            Ok(Ok(disposition)) => disposition,
            Ok(Err(_)) => {
                tracing::error!("processing a report panicked");
                let detail = "processing this report failed unexpectedly".to_owned();
                Disposition::DeadLetter { reason: DeadLetterReason::NotRecordable, detail }
            }
            Err(_) => Disposition::TryLater("the attempt timed out".into()),
        }
    }

    /// Sends the message to the dead-letter queue, with retries until the session ends.
    async fn send_dead_letter(&mut self, dead_letter: DeadLetter) -> Result<(), SessionEnding> {
        let mut retry = Retry::new();
        failpoint::pass("dead-letter-sending");
        while let Err(Unavailable(why)) = self.context.dead_letters.send(&dead_letter).await {
            if retry.since.elapsed() >= self.context.config.max_retry_time {
                let _ = self.store_down.try_send(());
            }
            self.pause(&mut retry, &why).await?;
        }
        failpoint::pass("dead-letter-sent");
        let reason = dead_letter.reason.as_str();
        metrics::counter!("payoutd_intake_dead_lettered_total", "reason" => reason).increment(1);
        tracing::warn!(
            routing_key = dead_letter.routing_key,
            reason,
            detail = dead_letter.detail,
            "dead-lettered a message"
        );
        Ok(())
    }

    async fn pause(&mut self, retry: &mut Retry, why: &str) -> Result<(), SessionEnding> {
        metrics::counter!("payoutd_intake_retried_total").increment(1);
        retry.count += 1;
        if retry.count.is_power_of_two() {
            tracing::warn!(why, retry = retry.count, "a message cannot be processed now; retrying");
        }
        tokio::select! {
            // Also returns if the session is gone.
            _ = self.session_ending.wait_for(|ending| *ending) => Err(SessionEnding),
            () = tokio::time::sleep(retry.backoff.next_delay()) => Ok(()),
        }
    }
}

struct Retry {
    since: Instant,
    count: u32,
    backoff: Backoff,
}

impl Retry {
    fn new() -> Self {
        Self { since: Instant::now(), count: 0, backoff: RETRY }
    }
}

fn dead_letter(
    delivery: &Delivery,
    incoming: &Incoming<'_>,
    reason: DeadLetterReason,
    detail: String,
) -> DeadLetter {
    DeadLetter {
        reason,
        detail,
        exchange: delivery.exchange.as_str().to_owned(),
        routing_key: incoming.routing_key.to_owned(),
        message_id: delivery.properties.message_id().as_ref().map(|id| id.as_str().to_owned()),
        content_type: incoming.content_type.map(str::to_owned),
        headers: incoming.headers.to_vec(),
        body: incoming.body.to_vec(),
    }
}

/// The headers whose values have a text form.
fn text_headers(table: &FieldTable) -> Vec<(String, String)> {
    let named = |(name, value): (&ShortString, &AMQPValue)| Some((name.as_str().to_owned(), text(value)?));
    table.inner().iter().filter_map(named).collect()
}

fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()).ok(),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        AMQPValue::Boolean(value) => Some(value.to_string()),
        AMQPValue::ShortShortInt(number) => Some(number.to_string()),
        AMQPValue::ShortShortUInt(number) => Some(number.to_string()),
        AMQPValue::ShortInt(number) => Some(number.to_string()),
        AMQPValue::ShortUInt(number) => Some(number.to_string()),
        AMQPValue::LongInt(number) => Some(number.to_string()),
        AMQPValue::LongUInt(number) => Some(number.to_string()),
        AMQPValue::LongLongInt(number) => Some(number.to_string()),
        AMQPValue::Timestamp(seconds) => {
            let micros = i64::try_from(*seconds).ok()?.checked_mul(1_000_000)?;
            Timestamp::from_micros(micros).ok().map(|time| time.to_string())
        }
        AMQPValue::Float(_)
        | AMQPValue::Double(_)
        | AMQPValue::DecimalValue(_)
        | AMQPValue::FieldArray(_)
        | AMQPValue::FieldTable(_)
        | AMQPValue::ByteArray(_)
        | AMQPValue::Void => None,
    }
}

/// Counts a delivery in the gauge of deliveries in flight while this exists.
struct InFlight;

impl InFlight {
    fn new() -> Self {
        metrics::gauge!("payoutd_intake_in_flight").increment(1.0);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        metrics::gauge!("payoutd_intake_in_flight").decrement(1.0);
    }
}
