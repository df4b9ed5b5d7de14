use payoutd_actors::ports::{Fingerprint, IdempotencyKeyHash, IdempotencyRecord};
use serde::Serialize;
use sqlx_macros::FromRow;

use super::{InvalidColumn, digest, hex_bytes, invalid};
use crate::store::db_timestamp::DbTimestamp;

/// A row of `kept_answers`.
#[derive(Debug, FromRow, Serialize)]
pub(in crate::store) struct IdempotencyRow {
    #[serde(serialize_with = "hex_bytes")]
    pub(in crate::store) name: Vec<u8>,
    #[serde(serialize_with = "hex_bytes")]
    pub(in crate::store) fingerprint: Vec<u8>,
    pub(in crate::store) status: i64,
    pub(in crate::store) location: Option<String>,
    pub(in crate::store) body: String,
    pub(in crate::store) kept_at: DbTimestamp,
    pub(in crate::store) expires_at: DbTimestamp,
}

impl From<&IdempotencyRecord> for IdempotencyRow {
    fn from(record: &IdempotencyRecord) -> Self {
        Self {
            name: record.key_hash.0.to_vec(),
            fingerprint: record.fingerprint.0.to_vec(),
            status: record.status.into(),
            location: record.location.as_deref().map(str::to_owned),
            body: record.body.to_string(),
            kept_at: record.created_at.into(),
            expires_at: record.expires_at.into(),
        }
    }
}

impl TryFrom<IdempotencyRow> for IdempotencyRecord {
    type Error = InvalidColumn;

    fn try_from(row: IdempotencyRow) -> Result<Self, InvalidColumn> {
        Ok(Self {
            key_hash: IdempotencyKeyHash(digest("name", row.name)?),
            fingerprint: Fingerprint(digest("fingerprint", row.fingerprint)?),
            status: u16::try_from(row.status).map_err(invalid("status"))?,
            location: row.location.map(Into::into),
            body: row.body.into(),
            created_at: row.kept_at.0,
            expires_at: row.expires_at.0,
        })
    }
}
