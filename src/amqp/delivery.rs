//! One delivered message, from its turn until it is settled.

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

use super::acknowledger::Settled;
use super::consumer::Intake;
use crate::reports::{Acknowledged, DeadLetter, DeadLetterReason, Disposition, Incoming, QueueTicket};
use crate::runtime::backoff::Backoff;

const AGAIN: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
/// How long one try may take. Giving up on it is safe: what it did is recognised by the next.
const ONE_TRY: Duration = Duration::from_secs(60);

/// Whoever deals with one message of a session.
pub(super) struct Hand {
    pub(super) intake: Arc<Intake>,
    /// The session is ending: start nothing, try nothing again.
    pub(super) ending: watch::Receiver<bool>,
    /// Tells the session that the store takes nothing.
    pub(super) stuck: mpsc::Sender<()>,
    /// Has messages acknowledged.
    pub(super) settled: Settled,
}

/// The message goes back to the broker by itself when the session ends.
struct GivenBack;

/// What is put aside, and why it is.
type Aside = (DeadLetterReason, String);

/// Deals with one message. It may be acknowledged last of all, and only if all that came before succeeded.
pub(super) async fn deal_with(mut hand: Hand, delivery: Delivery, mut turn: QueueTicket) {
    let _in_flight = InFlight::new();
    let received_at = hand.intake.desk.now();
    turn.come().await;
    failpoint::pass("report-received");
    if *hand.ending.borrow() {
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
    let settled = match hand.take(&incoming).await {
        Ok(None) => Ok(()),
        Ok(Some((reason, detail))) => hand.put_aside(letter(&delivery, &incoming, reason, detail)).await,
        Err(GivenBack) => Err(GivenBack),
    };
    if settled.is_ok() {
        failpoint::pass("report-settled");
        hand.settled.note(delivery.delivery_tag, delivery.acker);
    }
}

impl Hand {
    /// Takes the message in, as often as it needs. `Some` where it is to be put aside.
    async fn take(&mut self, incoming: &Incoming<'_>) -> Result<Option<Aside>, GivenBack> {
        let mut tries = Tries::new();
        loop {
            let why = match self.take_once(incoming).await {
                Disposition::Acknowledge(Acknowledged::Recorded(_)) => return Ok(None),
                Disposition::Acknowledge(Acknowledged::Parked) => {
                    metrics::counter!("payoutd_intake_parked_total").increment(1);
                    return Ok(None);
                }
                Disposition::DeadLetter { reason, detail } => return Ok(Some((reason, detail))),
                Disposition::TryLater(why) => why,
            };
            if tries.since.elapsed() >= self.intake.config.patience {
                if self.intake.store_answers().await {
                    tracing::error!(why, "the store answers, but does not take a report");
                    let detail = "the store answers, but does not take this report".to_owned();
                    return Ok(Some((DeadLetterReason::NotRecordable, detail)));
                }
                // Somebody else may have said so already.
                let _ = self.stuck.try_send(());
            }
            self.pause(&mut tries, &why).await?;
        }
    }

    async fn take_once(&self, incoming: &Incoming<'_>) -> Disposition {
        let taken = AssertUnwindSafe(self.intake.desk.take(incoming)).catch_unwind();
        match timeout(ONE_TRY, taken).await {
            Ok(Ok(disposition)) => disposition,
            Ok(Err(_)) => {
                tracing::error!("a report made the intake panic");
                let detail = "taking this report in failed unexpectedly".to_owned();
                Disposition::DeadLetter { reason: DeadLetterReason::NotRecordable, detail }
            }
            Err(_) => Disposition::TryLater("there was no answer for a minute".into()),
        }
    }

    /// Puts the message aside, however often that has to be tried.
    async fn put_aside(&mut self, letter: DeadLetter) -> Result<(), GivenBack> {
        let mut tries = Tries::new();
        failpoint::pass("dead-letter-sending");
        while let Err(Unavailable(why)) = self.intake.letters.send(&letter).await {
            if tries.since.elapsed() >= self.intake.config.patience {
                let _ = self.stuck.try_send(());
            }
            self.pause(&mut tries, &why).await?;
        }
        failpoint::pass("dead-letter-sent");
        let reason = letter.reason.as_str();
        metrics::counter!("payoutd_intake_dead_lettered_total", "reason" => reason).increment(1);
        tracing::warn!(
            routing_key = letter.routing_key,
            reason,
            detail = letter.detail,
            "dead-lettered a message"
        );
        Ok(())
    }

    async fn pause(&mut self, tries: &mut Tries, why: &str) -> Result<(), GivenBack> {
        metrics::counter!("payoutd_intake_retried_total").increment(1);
        tries.count += 1;
        if tries.count.is_power_of_two() {
            tracing::warn!(why, tries = tries.count, "a message cannot be dealt with now; trying again");
        }
        tokio::select! {
            // Fails where the session is no more, which is an end as well.
            _ = self.ending.wait_for(|ending| *ending) => Err(GivenBack),
            () = tokio::time::sleep(tries.backoff.next_delay()) => Ok(()),
        }
    }
}

struct Tries {
    since: Instant,
    count: u32,
    backoff: Backoff,
}

impl Tries {
    fn new() -> Self {
        Self { since: Instant::now(), count: 0, backoff: AGAIN }
    }
}

fn letter(
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

/// The headers that are text, or plainly say some.
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

/// Counts a message as in hand for as long as it is.
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
