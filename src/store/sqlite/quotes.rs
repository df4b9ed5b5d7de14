//! The quote store port, and what became of quotes.

use async_trait::async_trait;
use payoutd_actors::ports::{IdempotencyRecord, Unavailable};
use payoutd_domain::{PayoutId, QuoteId, Timestamp};
use sqlx::Row;

use super::{SqliteStore, json, sql};
use crate::http::QuoteUsage;
use crate::quotes::{Quote, QuoteStore};
use crate::runtime::detached::unavailable;
use crate::store::at::At;
use crate::store::records::TermsRecord;
use crate::store::rows::{QuoteRow, converted, first};

#[async_trait]
impl QuoteStore for SqliteStore {
    async fn put(&self, quote: &Quote, answer: Option<&IdempotencyRecord>) -> Result<Quote, Unavailable> {
        let terms = TermsRecord::from(&*quote.terms);
        let statement = sqlx::query(sql::PUT_QUOTE)
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
            .bind(At(quote.created_at))
            .bind(At(quote.expires_at));
        let rows = self.write_answered(statement, answer).await.map_err(unavailable)?;
        let kept = first(converted::<_, QuoteRow, Quote>(&rows)?);
        kept.ok_or_else(|| Unavailable("the quote did not come back".into()))
    }

    async fn get(&self, id: &QuoteId) -> Result<Option<Quote>, Unavailable> {
        let rows = self.read(sqlx::query(sql::GET_QUOTE).bind(id.as_str().to_owned())).await?;
        Ok(first(converted::<_, QuoteRow, Quote>(&rows)?))
    }

    async fn purge_quotes(&self, end: Timestamp, limit: u32) -> Result<u64, Unavailable> {
        let statement = sqlx::query(sql::FORGET_QUOTES).bind(At(end)).bind(i64::from(limit));
        Ok(self.write_one(statement).await.map_err(unavailable)?.len() as u64)
    }
}

#[async_trait]
impl QuoteUsage for SqliteStore {
    async fn payout_of_quote(&self, quote_id: &QuoteId) -> Result<Option<PayoutId>, Unavailable> {
        let quotes = json(&[quote_id.as_str()]).map_err(unavailable)?;
        let rows = self.read(sqlx::query(sql::QUOTE_OWNERS).bind(quotes)).await?;
        Ok(rows.first().map(|row| PayoutId(row.get(1))))
    }
}
