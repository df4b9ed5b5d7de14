//! Creating payouts.

use std::collections::{HashMap, HashSet};

use payoutd_actors::ports::{BatchError, Create, Created};
use payoutd_domain::PayoutId;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::{SqliteStore, json, run, sql};
use crate::store::records::{AnswerRecord, CreateRecord, MessageRecord};

/// What a transaction of creations did.
struct Outcome {
    inserted: HashSet<(Uuid, String)>,
    owners: HashMap<String, PayoutId>,
}

impl SqliteStore {
    pub(super) async fn create_batch(&self, batch: &[Create]) -> Result<Vec<Created>, BatchError> {
        let make = |write| CreateRecord::new(&self.renderer, write);
        let records = batch.iter().map(make).collect::<Result<Vec<_>, _>>()?;
        let mut outcome =
            self.write(|connection| Box::pin(async move { insert(connection, &records).await })).await?;
        let answer = |write: &Create| {
            let quote = write.payout.terms.quote_id.as_str();
            // Taken out, so that of equal creations one has inserted and the others have lost.
            if outcome.inserted.remove(&(write.payout.id.0, quote.to_owned())) {
                return Ok(Created::Inserted);
            }
            let owner = outcome.owners.get(quote).copied().map(Created::QuoteUsed);
            owner.ok_or_else(|| BatchError::Unknown(format!("{quote} is nobody's after its creation")))
        };
        batch.iter().map(answer).collect()
    }
}

async fn insert(connection: &mut SqliteConnection, records: &[CreateRecord]) -> Result<Outcome, BatchError> {
    let rows = run(connection, sqlx::query(sql::CREATE).bind(json(records)?)).await?;
    let inserted: HashSet<(Uuid, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let owners = owners(connection, records, &inserted).await?;
    if let Some(taken) = records.iter().find(|record| !owners.contains_key(&record.terms.quote_id)) {
        let why = format!("the id or the tracking token of {} is taken", PayoutId(taken.id));
        return Err(BatchError::Rejected(why));
    }
    let mut announced = HashSet::with_capacity(inserted.len());
    let won = |record: &&CreateRecord| {
        owners.get(&record.terms.quote_id) == Some(&PayoutId(record.id))
            && inserted.contains(&(record.id, record.terms.quote_id.clone()))
            && announced.insert(record.id)
    };
    let winners: Vec<&CreateRecord> = records.iter().filter(won).collect();
    let messages: Vec<&MessageRecord> = winners.iter().map(|record| &record.message).collect();
    run(connection, sqlx::query(sql::ANNOUNCE).bind(json(&messages)?)).await?;
    let answers: Vec<&AnswerRecord> = winners.iter().filter_map(|record| record.answer.as_ref()).collect();
    if !answers.is_empty() {
        run(connection, sqlx::query(sql::KEEP_ANSWERS).bind(json(&answers)?)).await?;
    }
    Ok(Outcome { inserted, owners })
}

/// Which payout each quote backs now.
async fn owners(
    connection: &mut SqliteConnection,
    records: &[CreateRecord],
    inserted: &HashSet<(Uuid, String)>,
) -> Result<HashMap<String, PayoutId>, BatchError> {
    let mut owners: HashMap<String, PayoutId> =
        inserted.iter().map(|(id, quote)| (quote.clone(), PayoutId(*id))).collect();
    let quotes = records.iter().map(|record| record.terms.quote_id.as_str());
    let lost: Vec<&str> = quotes.filter(|quote| !owners.contains_key(*quote)).collect();
    if !lost.is_empty() {
        let rows = run(connection, sqlx::query(sql::QUOTE_OWNERS).bind(json(&lost)?)).await?;
        owners.extend(rows.iter().map(|row| (row.get(0), PayoutId(row.get(1)))));
    }
    Ok(owners)
}
