use std::collections::{HashMap, HashSet};

use payoutd_actors::ports::{BatchError, Create, Created};
use payoutd_domain::PayoutId;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::json::Json;
use super::{SqliteStore, Statement, run, sql};
use crate::store::rows::idempotency::IdempotencyRow;
use crate::store::rows::outbox::NewOutboxRow;
use crate::store::rows::payouts::NewPayoutRow;

/// The result of the transaction.
struct Outcome {
    /// The inserted payouts, with their quotes.
    inserted: HashSet<(Uuid, String)>,
    /// The payout of each quote in the batch.
    owners: HashMap<String, PayoutId>,
}

impl SqliteStore {
    pub(super) async fn create_batch(&self, batch: &[Create]) -> Result<Vec<Created>, BatchError> {
        let row = |write| NewPayoutRow::new(&*self.encoder, write);
        let rows = batch.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        let mut outcome =
            self.transaction(|connection| Box::pin(async move { insert(connection, &rows).await })).await?;
        let created = |write: &Create| {
            let quote = write.payout.terms.quote_id.as_str();
            // Removed, so that only one of several equal creations counts as inserted.
            if outcome.inserted.remove(&(write.payout.id.0, quote.to_owned())) {
                return Ok(Created::Inserted);
            }
            let owner = outcome.owners.get(quote).copied().map(Created::QuoteUsed);
            owner.ok_or_else(|| {
                BatchError::Unknown(format!("no payout of {quote} was found after its creation"))
            })
        };
        batch.iter().map(created).collect()
    }
}

async fn insert(connection: &mut SqliteConnection, rows: &[NewPayoutRow]) -> Result<Outcome, BatchError> {
    let returned = run(connection, Statement::new(sql::CREATE).bind(Json(rows))).await?;
    let inserted: HashSet<(Uuid, String)> = returned.iter().map(|row| (row.get(0), row.get(1))).collect();
    let owners = owners(connection, rows, &inserted).await?;
    if let Some(taken) = rows.iter().find(|row| !owners.contains_key(&row.terms.quote_id)) {
        let reason = format!("the id or the tracking token of {} is taken", PayoutId(taken.id));
        return Err(BatchError::Rejected(reason));
    }
    let mut seen = HashSet::with_capacity(inserted.len());
    let won = |row: &&NewPayoutRow| {
        owners.get(&row.terms.quote_id) == Some(&PayoutId(row.id))
            && inserted.contains(&(row.id, row.terms.quote_id.clone()))
            && seen.insert(row.id)
    };
    let winners: Vec<&NewPayoutRow> = rows.iter().filter(won).collect();
    let messages: Vec<&NewOutboxRow> = winners.iter().map(|row| &row.message).collect();
    run(connection, Statement::new(sql::INSERT_OUTBOX).bind(Json(&messages))).await?;
    let records: Vec<&IdempotencyRow> = winners.iter().filter_map(|row| row.idempotency.as_ref()).collect();
    if !records.is_empty() {
        run(connection, Statement::new(sql::INSERT_IDEMPOTENCY_RECORDS).bind(Json(&records))).await?;
    }
    Ok(Outcome { inserted, owners })
}

/// The payout of each quote, after the insertion.
async fn owners(
    connection: &mut SqliteConnection,
    rows: &[NewPayoutRow],
    inserted: &HashSet<(Uuid, String)>,
) -> Result<HashMap<String, PayoutId>, BatchError> {
    let mut owners: HashMap<String, PayoutId> =
        inserted.iter().map(|(id, quote)| (quote.clone(), PayoutId(*id))).collect();
    let quotes = rows.iter().map(|row| row.terms.quote_id.as_str());
    let lost: Vec<&str> = quotes.filter(|quote| !owners.contains_key(*quote)).collect();
    if !lost.is_empty() {
        let found = run(connection, Statement::new(sql::PAYOUTS_BY_QUOTE).bind(Json(&lost))).await?;
        owners.extend(found.iter().map(|row| (row.get(0), PayoutId(row.get(1)))));
    }
    Ok(owners)
}
