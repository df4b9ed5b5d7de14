//! The outbox port. The messages are written by the commits they tell of.

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::Mode;

use super::{PgStore, sql};
use crate::outbox::{Backlog, Outbox, OutboxMessage};
use crate::runtime::detached::unavailable;
use crate::store::rows::{BacklogRow, MessageRow, converted, first, read_rows};

#[async_trait]
impl Outbox for PgStore {
    async fn pending(&self, mode: Mode, limit: u32) -> Result<Vec<OutboxMessage>, Unavailable> {
        // Ids are taken before commits, so a lower one can appear after a higher one. Never within a payout, whose next
        // commit begins after the last one ended; and published messages are deleted one by one, so none is passed over.
        let rows =
            self.read(sqlx::query(sql::OUTBOX_WAITING).bind(mode.as_str()).bind(i64::from(limit))).await?;
        converted::<_, MessageRow, OutboxMessage>(&rows)
    }

    async fn mark_published(&self, ids: &[i64]) -> Result<(), Unavailable> {
        self.write(sqlx::query(sql::OUTBOX_PUBLISHED).bind(ids.to_vec())).await.map(drop).map_err(unavailable)
    }

    async fn backlog(&self) -> Result<Backlog, Unavailable> {
        let rows = self.read(sqlx::query(sql::OUTBOX_BACKLOG)).await?;
        Ok(first(read_rows::<_, BacklogRow>(&rows)?).map(Backlog::from).unwrap_or_default())
    }
}
