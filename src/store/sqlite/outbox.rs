//! The outbox port. The messages are written by the commits they tell of.

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::Mode;

use super::{SqliteStore, json, sql};
use crate::outbox::{Backlog, Outbox, OutboxMessage};
use crate::runtime::detached::unavailable;
use crate::store::rows::{BacklogRow, MessageRow, converted, first, read_rows};

#[async_trait]
impl Outbox for SqliteStore {
    async fn pending(&self, mode: Mode, limit: u32) -> Result<Vec<OutboxMessage>, Unavailable> {
        let rows =
            self.read(sqlx::query(sql::OUTBOX_WAITING).bind(mode.as_str()).bind(i64::from(limit))).await?;
        converted::<_, MessageRow, OutboxMessage>(&rows)
    }

    async fn mark_published(&self, ids: &[i64]) -> Result<(), Unavailable> {
        let statement = sqlx::query(sql::OUTBOX_PUBLISHED).bind(json(ids).map_err(unavailable)?);
        self.write_one(statement).await.map(drop).map_err(unavailable)
    }

    async fn backlog(&self) -> Result<Backlog, Unavailable> {
        let rows = self.read(sqlx::query(sql::OUTBOX_BACKLOG)).await?;
        Ok(first(read_rows::<_, BacklogRow>(&rows)?).map(Backlog::from).unwrap_or_default())
    }
}
