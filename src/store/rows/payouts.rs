use std::sync::Arc;

use payoutd_actors::ports::{Append, BatchError, Create};
use payoutd_domain::{Cause, Entry, NewPayout, PayoutId, Refusal, TrackingToken};
use serde::Serialize;
use sqlx_macros::FromRow;
use uuid::Uuid;

use super::idempotency::IdempotencyRow;
use super::outbox::NewOutboxRow;
use super::terms::TermsRow;
use super::{InvalidColumn, hex_uuid, not_serializable};
use crate::outbox::MessageEncoder;
use crate::store::db_timestamp::DbTimestamp;

/// A payout to be inserted, with the outbox message and the idempotency record of the same commit.
#[derive(Debug, Serialize)]
pub(in crate::store) struct NewPayoutRow {
    #[serde(serialize_with = "hex_uuid")]
    pub(in crate::store) id: Uuid,
    #[serde(serialize_with = "hex_uuid")]
    pub(in crate::store) tracking_token: Uuid,
    #[serde(flatten)]
    pub(in crate::store) terms: TermsRow,
    pub(in crate::store) created_at: DbTimestamp,
    pub(in crate::store) estimated_delivery_at: Option<DbTimestamp>,
    #[serde(skip)]
    pub(in crate::store) message: NewOutboxRow,
    #[serde(skip)]
    pub(in crate::store) idempotency: Option<IdempotencyRow>,
}

impl NewPayoutRow {
    pub(in crate::store) fn new(encoder: &dyn MessageEncoder, write: &Create) -> Result<Self, BatchError> {
        let payout = &*write.payout;
        Ok(Self {
            id: payout.id.0,
            tracking_token: payout.tracking_token.0,
            terms: TermsRow::from(&*payout.terms),
            created_at: payout.created_at.into(),
            estimated_delivery_at: write.change.snapshot.estimated_delivery_at().map(DbTimestamp),
            message: NewOutboxRow::new(encoder, &write.change, write.traceparent.as_deref())?,
            idempotency: write.record.as_deref().map(IdempotencyRow::from),
        })
    }
}

/// A recorded input: the new state of a payout's row, and the journal entry.
#[derive(Debug, Serialize)]
pub(in crate::store) struct InputRow {
    #[serde(serialize_with = "hex_uuid")]
    pub(in crate::store) id: Uuid,
    /// The version that the payout's row must have.
    pub(in crate::store) expected: i64,
    pub(in crate::store) status: &'static str,
    pub(in crate::store) sequence: i64,
    pub(in crate::store) estimated_delivery_at: Option<DbTimestamp>,
    pub(in crate::store) late: bool,
    pub(in crate::store) attention: Option<&'static str>,
    pub(in crate::store) recorded_at: DbTimestamp,
    pub(in crate::store) source: Option<String>,
    pub(in crate::store) report_id: Option<String>,
    pub(in crate::store) outcome: &'static str,
    pub(in crate::store) entry: String,
}

impl InputRow {
    /// # Errors
    /// Returns `Rejected` if the entry does not have the version after the expected one.
    pub(in crate::store) fn new(write: &Append) -> Result<Self, BatchError> {
        let Append { expected, entry, after, .. } = write;
        if entry.version != expected.next() || after.version != entry.version {
            return Err(BatchError::Rejected(format!("{} does not follow {expected:?}", after.payout.id)));
        }
        let (source, report_id) = report_key(entry);
        Ok(Self {
            id: after.payout.id.0,
            expected: expected.0,
            status: after.status().as_str(),
            sequence: after.sequence.0,
            estimated_delivery_at: after.estimated_delivery_at().map(DbTimestamp),
            late: after.late(),
            attention: after.attention.map(attention),
            recorded_at: entry.recorded_at.into(),
            source,
            report_id,
            outcome: entry.outcome.name(),
            entry: serde_json::to_string(&**entry).map_err(not_serializable)?,
        })
    }
}

/// The source and the id of a report, as columns for operators to search. A text column of PostgreSQL cannot hold NUL,
/// so NUL is replaced here. The entry itself holds the key unchanged.
fn report_key(entry: &Entry) -> (Option<String>, Option<String>) {
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

/// The columns of a payout from which it is replayed. Its present state comes from the journal.
#[derive(Debug, FromRow)]
pub(in crate::store) struct PayoutRow {
    id: Uuid,
    tracking_token: Uuid,
    created_at: DbTimestamp,
    pub(in crate::store) version: i64,
    #[sqlx(flatten)]
    terms: TermsRow,
}

impl TryFrom<PayoutRow> for NewPayout {
    type Error = InvalidColumn;

    fn try_from(row: PayoutRow) -> Result<Self, InvalidColumn> {
        Ok(Self {
            id: PayoutId(row.id),
            tracking_token: TrackingToken(row.tracking_token),
            created_at: row.created_at.0,
            terms: Arc::new(row.terms.try_into()?),
        })
    }
}

/// A journal entry as JSON.
#[derive(Debug, FromRow)]
pub(in crate::store) struct EntryRow {
    pub(in crate::store) payout_id: Uuid,
    pub(in crate::store) version: i64,
    pub(in crate::store) entry: String,
}
