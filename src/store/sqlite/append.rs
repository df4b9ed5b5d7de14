use std::collections::HashSet;

use payoutd_actors::ports::{Append, Appended, BatchError};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::json::Json;
use super::{SqliteStore, Statement, run, sql};
use crate::store::rows::outbox::NewOutboxRow;
use crate::store::rows::payouts::InputRow;
use crate::store::rows::webhooks::NewDeliveryRow;

impl SqliteStore {
    pub(super) async fn append_batch(&self, batch: &[Append]) -> Result<Vec<Appended>, BatchError> {
        let inputs: Vec<_> = batch.iter().map(InputRow::new).collect::<Result<_, _>>()?;
        let messages = NewOutboxRow::for_batch(&*self.encoder, batch)?;
        let updated =
            self.transaction(|connection| Box::pin(write_inputs(connection, inputs, messages))).await?;
        let appended = |write: &Append| {
            if updated.contains(&write.payout_id().0) { Appended::Committed } else { Appended::Conflict }
        };
        Ok(batch.iter().map(appended).collect())
    }
}

/// Returns the ids of the payouts that were at the expected version. Nothing is written for the others.
async fn write_inputs(
    connection: &mut SqliteConnection,
    mut inputs: Vec<InputRow>,
    mut messages: Vec<NewOutboxRow>,
) -> Result<HashSet<Uuid>, BatchError> {
    let rows = run(connection, Statement::new(sql::APPEND).bind(Json(&inputs))).await?;
    let updated: HashSet<Uuid> = rows.iter().map(|row| row.get(0)).collect();
    inputs.retain(|input| updated.contains(&input.id));
    messages.retain(|message| updated.contains(&message.payout_id));
    if !inputs.is_empty() {
        run(connection, Statement::new(sql::INSERT_JOURNAL).bind(Json(&inputs))).await?;
    }
    if !messages.is_empty() {
        run(connection, Statement::new(sql::INSERT_OUTBOX).bind(Json(&messages))).await?;
        let deliveries: Vec<_> = messages.iter().map(NewDeliveryRow::from).collect();
        run(connection, Statement::new(sql::INSERT_DELIVERIES).bind(Json(&deliveries))).await?;
    }
    Ok(updated)
}
