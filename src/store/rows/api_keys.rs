use payoutd_domain::OrgId;
use sqlx_macros::FromRow;
use uuid::Uuid;

use super::{InvalidColumn, digest, parse};
use crate::api_keys::{ApiKey, KeyDigest};
use crate::store::db_timestamp::DbTimestamp;

#[derive(Debug, FromRow)]
pub(in crate::store) struct ApiKeyRow {
    id: Uuid,
    org_id: Uuid,
    org_name: String,
    mode: String,
    digest: Vec<u8>,
    hint: String,
    created_at: DbTimestamp,
    expires_at: Option<DbTimestamp>,
}

impl TryFrom<ApiKeyRow> for ApiKey {
    type Error = InvalidColumn;

    fn try_from(row: ApiKeyRow) -> Result<Self, InvalidColumn> {
        Ok(Self {
            id: row.id,
            org: OrgId(row.org_id),
            org_name: row.org_name,
            mode: parse("mode", &row.mode)?,
            digest: KeyDigest(digest("digest", row.digest)?),
            hint: row.hint,
            created_at: row.created_at.0,
            expires_at: row.expires_at.map(|time| time.0),
        })
    }
}
