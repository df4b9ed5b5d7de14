use std::collections::{HashMap, HashSet};

use payoutd_actors::ports::{BatchError, Create, Created};
use payoutd_domain::PayoutId;
use sqlx::Row;
use uuid::Uuid;

use super::{PgStore, Statement, sql};
use crate::store::db_timestamp::DbTimestamp;
use crate::store::ports::payouts;
use crate::store::rows::idempotency::IdempotencyRow;
use crate::store::rows::payouts::NewPayoutRow;

impl PgStore {
    pub(super) async fn create_batch(&self, batch: &[Create]) -> Result<Vec<Created>, BatchError> {
        // If several creations use the same quote, only the first is sent.
        let mut quotes = HashSet::with_capacity(batch.len());
        let first: Vec<bool> = batch.iter().map(|w| quotes.insert(&w.payout.terms.quote_id)).collect();
        let sent = batch.iter().zip(&first).filter(|(_, first)| **first);
        let rows: Vec<_> =
            sent.map(|(write, _)| NewPayoutRow::new(&*self.encoder, write)).collect::<Result<_, _>>()?;

        let returned = self.commit(statement(&rows)).await?;
        let inserted: HashSet<Uuid> = returned.iter().map(|row| row.get(0)).collect();
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
                None => Err(id_taken(write.payout.id, inserted.is_empty())),
            })
            .collect()
    }

    /// The payouts that use these quotes. If this read fails, the rest of the batch may be committed already.
    async fn owners(
        &self,
        quotes: &[&str],
        none_written: bool,
    ) -> Result<HashMap<String, PayoutId>, BatchError> {
        if quotes.is_empty() {
            return Ok(HashMap::new());
        }
        payouts::by_quote(self, quotes).await.map_err(|error| {
            if none_written { BatchError::Unavailable(error.0) } else { BatchError::Unknown(error.0) }
        })
    }
}

/// The payout was not inserted, but its quote is unused: another payout has the same id or tracking token. Both are
/// random, so this is not expected; it only must not count as success.
fn id_taken(id: PayoutId, none_written: bool) -> BatchError {
    let reason = format!("the id or the tracking token of {id} is taken");
    if none_written { BatchError::Rejected(reason) } else { BatchError::Unknown(reason) }
}

fn statement(rows: &[NewPayoutRow]) -> Statement {
    macro_rules! column {
        ($($field:ident).+) => { rows.iter().map(|row| row.$($field).+).collect::<Vec<_>>() };
    }
    macro_rules! text {
        ($($field:ident).+) => { rows.iter().map(|row| row.$($field).+.as_str()).collect::<Vec<_>>() };
    }
    let records = rows.iter().filter_map(|row| Some((row.id, row.idempotency.as_ref()?)));
    let records: Vec<(Uuid, &IdempotencyRow)> = records.collect();
    Statement::new(sql::CREATE)
        .bind(column!(id))
        .bind(column!(terms.org_id))
        .bind(text!(terms.mode))
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
        .bind(rows.iter().map(|row| row.estimated_delivery_at).collect::<Vec<Option<DbTimestamp>>>())
        .bind(column!(message.kind))
        .bind(text!(message.routing_key))
        .bind(text!(message.body))
        .bind(rows.iter().map(|row| row.message.traceparent.as_deref()).collect::<Vec<_>>())
        .bind(records.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(records.iter().map(|(_, record)| record.name.as_slice()).collect::<Vec<_>>())
        .bind(records.iter().map(|(_, record)| record.fingerprint.as_slice()).collect::<Vec<_>>())
        .bind(records.iter().map(|(_, record)| record.status).collect::<Vec<_>>())
        .bind(records.iter().map(|(_, record)| record.location.as_deref()).collect::<Vec<_>>())
        .bind(records.iter().map(|(_, record)| record.body.as_str()).collect::<Vec<_>>())
        .bind(records.iter().map(|(_, record)| record.kept_at).collect::<Vec<_>>())
        .bind(records.iter().map(|(_, record)| record.expires_at).collect::<Vec<_>>())
}
