//! Recording inputs.

use std::collections::HashSet;

use payoutd_actors::ports::{Append, Appended, BatchError};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::{SqliteStore, json, run, sql};
use crate::store::records::{ChangeRecord, MessageRecord, ToldRecord};

impl SqliteStore {
    pub(super) async fn append_batch(&self, batch: &[Append]) -> Result<Vec<Appended>, BatchError> {
        let changes: Vec<_> = batch.iter().map(ChangeRecord::new).collect::<Result<_, _>>()?;
        let mut messages = Vec::with_capacity(batch.len());
        for write in batch {
            messages.extend(MessageRecord::of(&self.renderer, write)?);
        }
        let updated = self
            .write(|connection| Box::pin(async move { record(connection, changes, messages).await }))
            .await?;
        let appended = |write: &Append| {
            if updated.contains(&write.payout_id().0) { Appended::Committed } else { Appended::Conflict }
        };
        Ok(batch.iter().map(appended).collect())
    }
}

async fn record(
    connection: &mut SqliteConnection,
    mut changes: Vec<ChangeRecord>,
    mut messages: Vec<MessageRecord>,
) -> Result<HashSet<Uuid>, BatchError> {
    let rows = run(connection, sqlx::query(sql::APPEND).bind(json(&changes)?)).await?;
    let updated: HashSet<Uuid> = rows.iter().map(|row| row.get(0)).collect();
    changes.retain(|change| updated.contains(&change.id));
    messages.retain(|message| updated.contains(&message.payout_id));
    if !changes.is_empty() {
        run(connection, sqlx::query(sql::RECORD).bind(json(&changes)?)).await?;
    }
    if !messages.is_empty() {
        run(connection, sqlx::query(sql::ANNOUNCE).bind(json(&messages)?)).await?;
        // Without the bodies, which make up nearly all of them.
        let told: Vec<ToldRecord> = messages.iter().map(ToldRecord::from).collect();
        run(connection, sqlx::query(sql::TELL).bind(json(&told)?)).await?;
    }
    Ok(updated)
}
