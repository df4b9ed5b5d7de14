use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::Mode;

use crate::outbox::{Backlog, Outbox, OutboxMessage};
use crate::store::rows::outbox::{BacklogRow, OutboxRow};
use crate::store::rows::{convert, decode_first};
use crate::store::sql;
use crate::store::sql_store::{SqlDatabase, SqlStore};
use crate::store::statement::Statement;

#[async_trait]
impl<S: SqlStore> Outbox for S {
    async fn pending(&self, mode: Mode, limit: u32) -> Result<Vec<OutboxMessage>, Unavailable> {
        // PostgreSQL assigns ids before the commit, so a lower id can become visible after a higher one. This never
        // happens within a payout, whose commits follow one another. Published messages are deleted by id, so no
        // message is skipped.
        let statement = Statement::new(sql::OUTBOX_WAITING).bind(mode.as_str()).bind(i64::from(limit));
        convert::<_, OutboxRow, _>(&self.read(statement).await?)
    }

    async fn mark_published(&self, ids: &[i64]) -> Result<(), Unavailable> {
        let statement = Statement::new(S::Database::SQL.outbox_delete).bind_integers(ids);
        self.write(statement).await.map(drop)
    }

    async fn backlog(&self) -> Result<Backlog, Unavailable> {
        let rows = self.read(Statement::new(sql::OUTBOX_BACKLOG)).await?;
        Ok(decode_first::<_, BacklogRow>(&rows)?.map(Backlog::from).unwrap_or_default())
    }
}
