//! Creating payouts.

use std::collections::{HashMap, HashSet};

use payoutd_actors::ports::{BatchError, Create, Created};
use payoutd_domain::PayoutId;
use sqlx::Row;
use uuid::Uuid;

use super::{PgStore, Statement, sql};
use crate::store::at::At;
use crate::store::records::{AnswerRecord, CreateRecord};

impl PgStore {
    pub(super) async fn create_batch(&self, batch: &[Create]) -> Result<Vec<Created>, BatchError> {
        // Of several creations from one quote, the first is tried.
        let mut quotes = HashSet::with_capacity(batch.len());
        let first: Vec<bool> = batch.iter().map(|w| quotes.insert(&w.payout.terms.quote_id)).collect();
        let tried = batch.iter().zip(&first).filter(|(_, first)| **first);
        let records: Vec<_> =
            tried.map(|(write, _)| CreateRecord::new(&self.renderer, write)).collect::<Result<_, _>>()?;

        let rows = self.write(statement(&records)).await?;
        let inserted: HashSet<Uuid> = rows.iter().map(|row| row.get(0)).collect();
        let won = |write: &Create, first: bool| first && inserted.contains(&write.payout.id.0);
        let lost = batch.iter().zip(&first).filter(|(write, first)| !won(write, **first));
        let lost: Vec<&str> = lost.map(|(write, _)| write.payout.terms.quote_id.as_str()).collect();
        let owners = self.owners(&lost, inserted.is_empty()).await?;
        batch
            .iter()
            .zip(&first)
            .map(|(write, first)| match owners.get(write.payout.terms.quote_id.as_str()) {
                _ if won(write, *first) => Ok(Created::Inserted),
                Some(owner) => Ok(Created::QuoteUsed(*owner)),
                None => Err(taken(write.payout.id, inserted.is_empty())),
            })
            .collect()
    }

    /// Which payouts the quotes back that were used before. Where this fails, others of the batch may be written.
    async fn owners(
        &self,
        quotes: &[&str],
        none_written: bool,
    ) -> Result<HashMap<String, PayoutId>, BatchError> {
        if quotes.is_empty() {
            return Ok(HashMap::new());
        }
        match self.read(sqlx::query(sql::QUOTE_OWNERS).bind(quotes)).await {
            Ok(rows) => Ok(rows.iter().map(|row| (row.get(0), PayoutId(row.get(1)))).collect()),
            Err(error) if none_written => Err(BatchError::Unavailable(error.0)),
            Err(error) => Err(BatchError::Unknown(error.0)),
        }
    }
}

/// The id or the tracking token is another payout's. Both hold too many random bits for that, so it is worth no more
/// than not to be mistaken for a success.
fn taken(id: PayoutId, none_written: bool) -> BatchError {
    let why = format!("the id or the tracking token of {id} is taken");
    if none_written { BatchError::Rejected(why) } else { BatchError::Unknown(why) }
}

fn statement(records: &[CreateRecord]) -> Statement {
    macro_rules! column {
        ($($field:ident).+) => { records.iter().map(|r| r.$($field).+).collect::<Vec<_>>() };
    }
    macro_rules! text {
        ($($field:ident).+) => { records.iter().map(|r| r.$($field).+.as_str()).collect::<Vec<_>>() };
    }
    let answers = records.iter().filter_map(|r| Some((r.id, r.answer.as_ref()?)));
    let answers: Vec<(Uuid, &AnswerRecord)> = answers.collect();
    sqlx::query(sql::CREATE)
        .bind(column!(id))
        .bind(column!(terms.org_id))
        .bind(column!(terms.mode))
        .bind(text!(terms.quote_id))
        .bind(column!(tracking_token))
        .bind(text!(terms.external_ref))
        .bind(text!(terms.destination))
        .bind(text!(terms.asset))
        .bind(text!(terms.user_sends))
        .bind(text!(terms.recipient_gets))
        .bind(text!(terms.fee_total_usd))
        .bind(text!(terms.from_network))
        .bind(text!(terms.to_network))
        .bind(column!(terms.estimated_seconds))
        .bind(column!(terms.seconds_after_broadcast))
        .bind(column!(created_at))
        .bind(records.iter().map(|r| r.estimated_delivery_at).collect::<Vec<Option<At>>>())
        .bind(column!(message.kind))
        .bind(text!(message.routing_key))
        .bind(text!(message.body))
        .bind(records.iter().map(|r| r.message.traceparent.as_deref()).collect::<Vec<_>>())
        .bind(answers.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(answers.iter().map(|(_, a)| a.name.as_slice()).collect::<Vec<_>>())
        .bind(answers.iter().map(|(_, a)| a.fingerprint.as_slice()).collect::<Vec<_>>())
        .bind(answers.iter().map(|(_, a)| a.status).collect::<Vec<_>>())
        .bind(answers.iter().map(|(_, a)| a.location.as_deref()).collect::<Vec<_>>())
        .bind(answers.iter().map(|(_, a)| a.body.as_str()).collect::<Vec<_>>())
        .bind(answers.iter().map(|(_, a)| a.kept_at).collect::<Vec<_>>())
        .bind(answers.iter().map(|(_, a)| a.expires_at).collect::<Vec<_>>())
}
