//! Reads of payouts: the reading half of the journal, lists, and the payouts of quotes and of tracking tokens.

use std::collections::HashMap;

use async_trait::async_trait;
use payoutd_actors::ports::{Stored, Unavailable};
use payoutd_domain::{PayoutId, QuoteId, Status, Timestamp, TrackingToken};
use uuid::Uuid;

use crate::payout_query::{PageCursor, PayoutQuery, PayoutQueryStore};
use crate::quotes::QuoteUsage;
use crate::store::db_timestamp::DbTimestamp;
use crate::store::hydrate::{PayoutRowResult, decode_payouts, hydrate};
use crate::store::rows::payouts::EntryRow;
use crate::store::rows::{decode, decode_first};
use crate::store::sql;
use crate::store::sql_store::{SqlDatabase, SqlStore};
use crate::store::statement::Statement;
use crate::tracking::TokenIndex;

/// The payouts with these ids, in order.
pub(in crate::store) async fn load<S: SqlStore>(
    store: &S,
    ids: &[PayoutId],
) -> Result<Vec<Option<Stored>>, Unavailable> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let statement = Statement::new(S::Database::SQL.load_payouts).bind_ids(&ids);
    let rows = decode_payouts(&store.read(statement).await?)?;
    with_journals(store, &ids, rows).await
}

/// Reads the journals of `ids` and rebuilds the payouts, in order. The journals are read after the rows.
async fn with_journals<S: SqlStore>(
    store: &S,
    ids: &[Uuid],
    rows: Vec<PayoutRowResult>,
) -> Result<Vec<Option<Stored>>, Unavailable> {
    let entries = store.read(Statement::new(S::Database::SQL.load_entries).bind_ids(ids)).await?;
    Ok(hydrate(ids, rows, decode::<_, EntryRow>(&entries)?))
}

/// The payouts whose estimated delivery time has passed at `now`, most overdue first.
pub(in crate::store) async fn overdue<S: SqlStore>(
    store: &S,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<PayoutId>, Unavailable> {
    let statement = Statement::new(sql::OVERDUE_PAYOUTS).bind(DbTimestamp(now)).bind(i64::from(limit));
    Ok(decode(&store.read(statement).await?)?.into_iter().map(|(id,)| PayoutId(id)).collect())
}

/// The payouts that were created from these quotes, by quote id.
pub(in crate::store) async fn by_quote<S: SqlStore>(
    store: &S,
    quotes: &[&str],
) -> Result<HashMap<String, PayoutId>, Unavailable> {
    let statement = Statement::new(S::Database::SQL.payouts_by_quote).bind_texts(quotes);
    Ok(decode(&store.read(statement).await?)?.into_iter().map(|(quote, id)| (quote, PayoutId(id))).collect())
}

#[async_trait]
impl<S: SqlStore> QuoteUsage for S {
    async fn payout_of_quote(&self, quote_id: &QuoteId) -> Result<Option<PayoutId>, Unavailable> {
        Ok(by_quote(self, &[quote_id.as_str()]).await?.into_values().next())
    }
}

#[async_trait]
impl<S: SqlStore> TokenIndex for S {
    async fn payout_by_token(&self, token: TrackingToken) -> Result<Option<PayoutId>, Unavailable> {
        let statement = Statement::new(sql::PAYOUT_BY_TOKEN).bind(token.0);
        Ok(decode_first(&self.read(statement).await?)?.map(|(id,)| PayoutId(id)))
    }
}

#[async_trait]
impl<S: SqlStore> PayoutQueryStore for S {
    async fn page(
        &self,
        filter: &PayoutQuery,
        cursor: PageCursor,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Stored>, Unavailable> {
        let statuses = filter.statuses();
        let text = match &filter.external_ref {
            Some(_) => S::Database::SQL.list_by_ref,
            None if !statuses.contains(&Status::Delivered) => S::Database::SQL.list_undelivered,
            None => S::Database::SQL.list,
        };
        let statuses: Vec<&str> = statuses.into_iter().map(Status::as_str).collect();
        let mut statement = Statement::new(text)
            .bind(filter.org.0)
            .bind(filter.mode.as_str())
            .bind(DbTimestamp(cursor.created_at))
            .bind(cursor.id.0)
            .bind(DbTimestamp(filter.created_after.unwrap_or(Timestamp::EPOCH)))
            .bind_texts(&statuses)
            .bind(filter.late)
            .bind(DbTimestamp(now))
            .bind(i64::from(limit));
        if let Some(external_ref) = &filter.external_ref {
            statement = statement.bind(external_ref.clone());
        }
        let rows = decode_payouts(&self.read(statement).await?)?;
        let ids: Vec<Uuid> = rows.iter().map(|(id, _)| *id).collect();
        Ok(with_journals(self, &ids, rows).await?.into_iter().flatten().collect())
    }
}
