//! What a commit writes, as plain columns: made once from the ports' types, then bound in each database's own way.

use payoutd_actors::ports::{Append, BatchError, Create, IdempotencyRecord};
use payoutd_domain::{Cause, Change, Entry, Refusal, Terms};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::at::At;
use crate::wire::Renderer;

/// A payout's terms.
#[derive(Debug, Serialize)]
pub(super) struct TermsRecord {
    #[serde(serialize_with = "hex")]
    pub(super) org_id: Uuid,
    pub(super) mode: &'static str,
    pub(super) quote_id: String,
    pub(super) external_ref: String,
    pub(super) destination: String,
    pub(super) asset: String,
    pub(super) user_sends: String,
    pub(super) recipient_gets: String,
    pub(super) fee_total_usd: String,
    pub(super) from_network: String,
    pub(super) to_network: String,
    pub(super) estimated_seconds: i64,
    pub(super) seconds_after_broadcast: i64,
}

/// A new payout's row, and the message that announces it.
#[derive(Debug, Serialize)]
pub(super) struct CreateRecord {
    #[serde(serialize_with = "hex")]
    pub(super) id: Uuid,
    #[serde(serialize_with = "hex")]
    pub(super) tracking_token: Uuid,
    #[serde(flatten)]
    pub(super) terms: TermsRecord,
    pub(super) created_at: At,
    pub(super) estimated_delivery_at: Option<At>,
    #[serde(skip)]
    pub(super) message: MessageRecord,
    #[serde(skip)]
    pub(super) answer: Option<AnswerRecord>,
}

/// An answer to be kept.
#[derive(Debug, Serialize)]
pub(super) struct AnswerRecord {
    #[serde(serialize_with = "hex_bytes")]
    pub(super) name: Vec<u8>,
    #[serde(serialize_with = "hex_bytes")]
    pub(super) fingerprint: Vec<u8>,
    pub(super) status: i64,
    pub(super) location: Option<String>,
    pub(super) body: String,
    pub(super) kept_at: At,
    pub(super) expires_at: At,
}

/// What one input does to a payout's row, and its journal entry.
#[derive(Debug, Serialize)]
pub(super) struct ChangeRecord {
    #[serde(serialize_with = "hex")]
    pub(super) id: Uuid,
    pub(super) expected: i64,
    pub(super) status: &'static str,
    pub(super) sequence: i64,
    pub(super) estimated_delivery_at: Option<At>,
    pub(super) late: bool,
    pub(super) attention: Option<&'static str>,
    pub(super) recorded_at: At,
    pub(super) source: Option<String>,
    pub(super) report_id: Option<String>,
    pub(super) outcome: &'static str,
    pub(super) entry: String,
}

/// A message for the outbox.
#[derive(Debug, Serialize)]
pub(super) struct MessageRecord {
    #[serde(serialize_with = "hex")]
    pub(super) payout_id: Uuid,
    pub(super) sequence: i64,
    pub(super) mode: &'static str,
    pub(super) kind: &'static str,
    pub(super) routing_key: String,
    pub(super) body: String,
    pub(super) traceparent: Option<String>,
    pub(super) created_at: At,
}

/// What webhook endpoints are told of a message.
#[derive(Debug, Serialize)]
pub(super) struct ToldRecord {
    #[serde(serialize_with = "hex")]
    payout_id: Uuid,
    sequence: i64,
    kind: &'static str,
    created_at: At,
}

impl From<&MessageRecord> for ToldRecord {
    fn from(message: &MessageRecord) -> Self {
        let MessageRecord { payout_id, sequence, kind, created_at, .. } = *message;
        Self { payout_id, sequence, kind, created_at }
    }
}

fn hex<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&id.simple())
}

fn hex_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    serializer.serialize_str(&text)
}

impl From<&IdempotencyRecord> for AnswerRecord {
    fn from(answer: &IdempotencyRecord) -> Self {
        Self {
            name: answer.key_hash.0.to_vec(),
            fingerprint: answer.fingerprint.0.to_vec(),
            status: answer.status.into(),
            location: answer.location.as_deref().map(str::to_owned),
            body: answer.body.to_string(),
            kept_at: answer.created_at.into(),
            expires_at: answer.expires_at.into(),
        }
    }
}

impl From<&Terms> for TermsRecord {
    fn from(terms: &Terms) -> Self {
        Self {
            org_id: terms.org.0,
            mode: terms.mode.as_str(),
            quote_id: terms.quote_id.to_string(),
            external_ref: terms.external_ref.to_string(),
            destination: terms.destination.to_string(),
            asset: terms.asset.to_string(),
            user_sends: terms.user_sends.to_string(),
            recipient_gets: terms.recipient_gets.to_string(),
            fee_total_usd: terms.fee_total.0.to_string(),
            from_network: terms.route.from_network.to_string(),
            to_network: terms.route.to_network.to_string(),
            estimated_seconds: terms.route.estimated_seconds.into(),
            seconds_after_broadcast: terms.route.seconds_after_broadcast.into(),
        }
    }
}

impl CreateRecord {
    pub(super) fn new(renderer: &Renderer, write: &Create) -> Result<Self, BatchError> {
        let payout = &*write.payout;
        let traceparent = write.traceparent.as_deref();
        Ok(Self {
            id: payout.id.0,
            tracking_token: payout.tracking_token.0,
            terms: TermsRecord::from(&*payout.terms),
            created_at: payout.created_at.into(),
            estimated_delivery_at: write.change.snapshot.estimated_delivery_at().map(At),
            message: MessageRecord::new(renderer, &write.change, traceparent)?,
            answer: write.record.as_deref().map(AnswerRecord::from),
        })
    }
}

impl ChangeRecord {
    pub(super) fn new(write: &Append) -> Result<Self, BatchError> {
        let Append { expected, entry, after, .. } = write;
        if entry.version != expected.next() || after.version != entry.version {
            return Err(BatchError::Rejected(format!("{} does not follow {expected:?}", after.payout.id)));
        }
        let (source, report_id) = origin(entry);
        Ok(Self {
            id: after.payout.id.0,
            expected: expected.0,
            status: after.status().as_str(),
            sequence: after.sequence.0,
            estimated_delivery_at: after.estimated_delivery_at().map(At),
            late: after.late(),
            attention: after.attention.map(attention),
            recorded_at: entry.recorded_at.into(),
            source,
            report_id,
            outcome: entry.outcome.name(),
            entry: serde_json::to_string(&**entry).map_err(unwritable)?,
        })
    }
}

impl MessageRecord {
    pub(super) fn new(
        renderer: &Renderer,
        change: &Change,
        traceparent: Option<&str>,
    ) -> Result<Self, BatchError> {
        let outgoing = renderer.cloud_event(change).map_err(unwritable)?;
        let snapshot = &*change.snapshot;
        Ok(Self {
            payout_id: snapshot.payout.id.0,
            sequence: snapshot.sequence.0,
            mode: snapshot.payout.terms.mode.as_str(),
            kind: change.kind.as_str(),
            routing_key: outgoing.routing_key,
            body: outgoing.body,
            traceparent: traceparent.map(str::to_owned),
            created_at: change.recorded_at.into(),
        })
    }

    /// The messages of one input, oldest first.
    pub(super) fn of(renderer: &Renderer, write: &Append) -> Result<Vec<Self>, BatchError> {
        let traceparent = write.traceparent.as_deref();
        let changes = write.changes.iter();
        changes.map(|change| Self::new(renderer, change, traceparent)).collect()
    }
}

/// Source and id of the report, for operators who search. Text columns of PostgreSQL take no NUL, and a report must not
/// be refused for its name: the entry itself keeps the name as it was.
fn origin(entry: &Entry) -> (Option<String>, Option<String>) {
    match &entry.cause {
        Cause::Report(report) => {
            let column = |text: &str| Some(text.replace('\0', "\u{fffd}"));
            (column(&report.key.source), column(&report.key.id))
        }
        Cause::DuePassed => (None, None),
    }
}

fn attention(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::BroadcastAfterFailed => "broadcast_after_failed",
        Refusal::DeliveredAfterFailed => "delivered_after_failed",
        Refusal::DeliveredTwice => "delivered_twice",
        Refusal::FailedAfterDelivered => "failed_after_delivered",
        Refusal::TooManyTransactions => "too_many_transactions",
    }
}

fn unwritable(error: serde_json::Error) -> BatchError {
    BatchError::Rejected(format!("cannot be written as JSON: {error}"))
}
