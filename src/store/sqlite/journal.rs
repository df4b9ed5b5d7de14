//! The journal port.

use async_trait::async_trait;
use payoutd_actors::ports::{Append, Appended, BatchError, Create, Created, Journal, Stored, Unavailable};
use payoutd_domain::{PayoutId, Timestamp};
use sqlx::Row;

use super::{SqliteStore, json, sql};
use crate::runtime::detached::unavailable;
use crate::store::at::At;
use crate::store::restore::{EntryRow, assemble, decoded};
use crate::store::rows::read_rows;

#[async_trait]
impl Journal for SqliteStore {
    async fn load(&self, ids: &[PayoutId]) -> Result<Vec<Option<Stored>>, Unavailable> {
        let keys: Vec<_> = ids.iter().map(|id| id.0.simple()).collect();
        let keys = json(&keys).map_err(unavailable)?;
        let rows = self.read(sqlx::query(sql::LOAD_PAYOUTS).bind(keys.clone())).await?;
        let entries = self.read(sqlx::query(sql::LOAD_ENTRIES).bind(keys)).await?;
        Ok(assemble(ids, decoded(&rows)?, read_rows::<_, EntryRow>(&entries)?))
    }

    async fn create(&self, batch: &[Create]) -> Result<Vec<Created>, BatchError> {
        self.create_batch(batch).await
    }

    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, BatchError> {
        self.append_batch(batch).await
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<PayoutId>, Unavailable> {
        let rows = self.read(sqlx::query(sql::DUE).bind(At(now)).bind(i64::from(limit))).await?;
        Ok(rows.iter().map(|row| PayoutId(row.get(0))).collect())
    }
}
