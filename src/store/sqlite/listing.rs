//! The listing port.

use async_trait::async_trait;
use payoutd_actors::ports::{Stored, Unavailable};
use payoutd_domain::{Status, Timestamp};

use super::{SqliteStore, json, sql};
use crate::payout_query::{PageCursor, PayoutQuery, PayoutQueryStore};
use crate::runtime::detached::unavailable;
use crate::store::at::At;
use crate::store::restore::{EntryRow, assemble, decoded, ids};
use crate::store::rows::read_rows;

#[async_trait]
impl PayoutQueryStore for SqliteStore {
    async fn page(
        &self,
        filter: &PayoutQuery,
        place: PageCursor,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Stored>, Unavailable> {
        let statuses = filter.statuses();
        let text = match &filter.external_ref {
            Some(_) => sql::LIST_BY_REF,
            None if !statuses.contains(&Status::Delivered) => sql::LIST_UNDELIVERED,
            None => sql::LIST,
        };
        let mut statement = sqlx::query(text)
            .bind(filter.org.0)
            .bind(filter.mode.as_str())
            .bind(At(place.created_at))
            .bind(place.id.0)
            .bind(At(filter.created_after.unwrap_or(Timestamp::EPOCH)))
            .bind(json(&statuses).map_err(unavailable)?)
            .bind(filter.late)
            .bind(At(now))
            .bind(i64::from(limit));
        if let Some(external_ref) = &filter.external_ref {
            statement = statement.bind(external_ref.clone());
        }
        let rows = decoded(&self.read(statement).await?)?;
        let ids = ids(&rows);
        let keys: Vec<_> = ids.iter().map(|id| id.0.simple()).collect();
        let entries =
            self.read(sqlx::query(sql::LOAD_ENTRIES).bind(json(&keys).map_err(unavailable)?)).await?;
        Ok(assemble(&ids, rows, read_rows::<_, EntryRow>(&entries)?).into_iter().flatten().collect())
    }
}
