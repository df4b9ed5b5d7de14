use payoutd_actors::ports::{Append, BatchError};
use payoutd_domain::{Change, ChangeKind, PayoutId, Sequence};
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::{Deserialize, Serialize};
use sqlx_macros::FromRow;
use uuid::Uuid;

use super::{InvalidColumn, hex_uuid, invalid, not_serializable, parse};
use crate::outbox::{Backlog, MessageEncoder, OutboxMessage};
use crate::store::db_timestamp::DbTimestamp;

/// An outbox row to be inserted.
#[derive(Debug, Serialize)]
pub(in crate::store) struct NewOutboxRow {
    #[serde(serialize_with = "hex_uuid")]
    pub(in crate::store) payout_id: Uuid,
    pub(in crate::store) sequence: i64,
    pub(in crate::store) mode: &'static str,
    pub(in crate::store) kind: &'static str,
    pub(in crate::store) routing_key: String,
    pub(in crate::store) body: String,
    pub(in crate::store) traceparent: Option<String>,
    pub(in crate::store) created_at: DbTimestamp,
}

impl NewOutboxRow {
    pub(super) fn new(
        encoder: &dyn MessageEncoder,
        change: &Change,
        traceparent: Option<&str>,
    ) -> Result<Self, BatchError> {
        let encoded = encoder.encode(change).map_err(not_serializable)?;
        let snapshot = &*change.snapshot;
        Ok(Self {
            payout_id: snapshot.payout.id.0,
            sequence: snapshot.sequence.0,
            mode: snapshot.payout.terms.mode.as_str(),
            kind: change.kind.as_str(),
            routing_key: encoded.routing_key,
            body: encoded.body,
            traceparent: traceparent.map(str::to_owned),
            created_at: change.recorded_at.into(),
        })
    }

    /// The rows for all changes of a batch, in the order of the batch.
    pub(in crate::store) fn for_batch(
        encoder: &dyn MessageEncoder,
        batch: &[Append],
    ) -> Result<Vec<Self>, BatchError> {
        let changes = batch.iter().flat_map(|write| {
            let traceparent = write.traceparent.as_deref();
            write.changes.iter().map(move |change| (change, traceparent))
        });
        changes.map(|(change, traceparent)| Self::new(encoder, change, traceparent)).collect()
    }
}

#[derive(Debug, FromRow)]
pub(in crate::store) struct OutboxRow {
    id: i64,
    payout_id: Uuid,
    sequence: i64,
    mode: String,
    kind: String,
    routing_key: String,
    body: String,
    traceparent: Option<String>,
}

impl TryFrom<OutboxRow> for OutboxMessage {
    type Error = InvalidColumn;

    fn try_from(row: OutboxRow) -> Result<Self, InvalidColumn> {
        let kind: StrDeserializer<'_, ValueError> = row.kind.as_str().into_deserializer();
        Ok(Self {
            id: row.id,
            payout_id: PayoutId(row.payout_id),
            sequence: Sequence(row.sequence),
            mode: parse("mode", &row.mode)?,
            kind: ChangeKind::deserialize(kind).map_err(invalid("kind"))?,
            routing_key: row.routing_key,
            body: row.body,
            traceparent: row.traceparent,
        })
    }
}

#[derive(Debug, FromRow)]
pub(in crate::store) struct BacklogRow {
    waiting: i64,
    oldest: Option<DbTimestamp>,
}

impl From<BacklogRow> for Backlog {
    fn from(row: BacklogRow) -> Self {
        Self { pending: row.waiting.unsigned_abs(), oldest: row.oldest.map(|time| time.0) }
    }
}
