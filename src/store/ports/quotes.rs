use async_trait::async_trait;
use payoutd_actors::ports::{IdempotencyRecord, Unavailable};
use payoutd_domain::{QuoteId, Timestamp};

use crate::quotes::{Quote, QuoteStore};
use crate::store::db_timestamp::DbTimestamp;
use crate::store::rows::convert_first;
use crate::store::rows::quotes::QuoteRow;
use crate::store::rows::terms::TermsRow;
use crate::store::sql;
use crate::store::sql_store::{SqlDatabase, SqlStore};
use crate::store::statement::Statement;

#[async_trait]
impl<S: SqlStore> QuoteStore for S {
    async fn put(&self, quote: &Quote, record: Option<&IdempotencyRecord>) -> Result<Quote, Unavailable> {
        let terms = TermsRow::from(&*quote.terms);
        let statement = Statement::new(S::Database::SQL.upsert_quote)
            .bind(terms.quote_id)
            .bind(terms.org_id)
            .bind(terms.mode)
            .bind(terms.external_ref)
            .bind(terms.destination)
            .bind(terms.asset)
            .bind(terms.user_sends)
            .bind(terms.recipient_gets)
            .bind(terms.fee_total_usd)
            .bind(terms.from_network)
            .bind(terms.to_network)
            .bind(terms.estimated_seconds)
            .bind(terms.seconds_after_broadcast)
            .bind(DbTimestamp(quote.created_at))
            .bind(DbTimestamp(quote.expires_at));
        let rows = self.write_with_record(statement, record).await?;
        let stored = convert_first::<_, QuoteRow, _>(&rows)?;
        stored.ok_or_else(|| Unavailable("the statement returned no quote".into()))
    }

    async fn get(&self, id: &QuoteId) -> Result<Option<Quote>, Unavailable> {
        let statement = Statement::new(S::Database::SQL.get_quote).bind(id.as_str().to_owned());
        convert_first::<_, QuoteRow, _>(&self.read(statement).await?)
    }

    async fn purge_quotes(&self, end: Timestamp, limit: u32) -> Result<u64, Unavailable> {
        let statement = Statement::new(sql::PURGE_QUOTES).bind(DbTimestamp(end)).bind(i64::from(limit));
        Ok(self.write(statement).await?.len() as u64)
    }
}
