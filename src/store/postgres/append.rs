//! Recording inputs.

use std::collections::HashSet;

use payoutd_actors::ports::{Append, Appended, BatchError};
use sqlx::Row;
use uuid::Uuid;

use super::{PgStore, Statement, sql};
use crate::store::records::{ChangeRecord, MessageRecord};

impl PgStore {
    pub(super) async fn append_batch(&self, batch: &[Append]) -> Result<Vec<Appended>, BatchError> {
        let mut changes: Vec<_> = batch.iter().map(ChangeRecord::new).collect::<Result<_, _>>()?;
        // Rows are locked in the order of their ids, so that two processes never wait for each other in a circle.
        changes.sort_unstable_by_key(|change| change.id);
        let mut messages = Vec::with_capacity(batch.len());
        for write in batch {
            messages.extend(MessageRecord::of(&self.renderer, write)?);
        }
        let rows = self.write(statement(&changes, &messages)).await?;
        let updated: HashSet<Uuid> = rows.iter().map(|row| row.get(0)).collect();
        let appended = |write: &Append| {
            if updated.contains(&write.payout_id().0) { Appended::Committed } else { Appended::Conflict }
        };
        Ok(batch.iter().map(appended).collect())
    }
}

fn statement(changes: &[ChangeRecord], messages: &[MessageRecord]) -> Statement {
    macro_rules! column {
        ($records:ident.$field:ident) => {
            $records.iter().map(|r| r.$field).collect::<Vec<_>>()
        };
    }
    macro_rules! text {
        ($records:ident.$field:ident) => {
            $records.iter().map(|r| r.$field.as_str()).collect::<Vec<_>>()
        };
    }
    macro_rules! optional_text {
        ($records:ident.$field:ident) => {
            $records.iter().map(|r| r.$field.as_deref()).collect::<Vec<_>>()
        };
    }
    sqlx::query(sql::APPEND)
        .bind(column!(changes.id))
        .bind(column!(changes.expected))
        .bind(column!(changes.status))
        .bind(column!(changes.sequence))
        .bind(column!(changes.estimated_delivery_at))
        .bind(column!(changes.late))
        .bind(column!(changes.attention))
        .bind(column!(changes.recorded_at))
        .bind(optional_text!(changes.source))
        .bind(optional_text!(changes.report_id))
        .bind(column!(changes.outcome))
        .bind(text!(changes.entry))
        .bind(column!(messages.payout_id))
        .bind(column!(messages.sequence))
        .bind(column!(messages.mode))
        .bind(column!(messages.kind))
        .bind(text!(messages.routing_key))
        .bind(text!(messages.body))
        .bind(optional_text!(messages.traceparent))
        .bind(column!(messages.created_at))
}
