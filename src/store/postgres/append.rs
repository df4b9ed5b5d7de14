use std::collections::HashSet;

use payoutd_actors::ports::{Append, Appended, BatchError};
use sqlx::Row;
use uuid::Uuid;

use super::{PgStore, Statement, sql};
use crate::store::rows::outbox::NewOutboxRow;
use crate::store::rows::payouts::InputRow;

impl PgStore {
    pub(super) async fn append_batch(&self, batch: &[Append]) -> Result<Vec<Appended>, BatchError> {
        let mut inputs: Vec<_> = batch.iter().map(InputRow::new).collect::<Result<_, _>>()?;
        // The statement locks rows in this order. With one order for all processes, there is no deadlock.
        inputs.sort_unstable_by_key(|input| input.id);
        let messages = NewOutboxRow::for_batch(&*self.encoder, batch)?;
        let rows = self.commit(statement(&inputs, &messages)).await?;
        let updated: HashSet<Uuid> = rows.iter().map(|row| row.get(0)).collect();
        let appended = |write: &Append| {
            if updated.contains(&write.payout_id().0) { Appended::Committed } else { Appended::Conflict }
        };
        Ok(batch.iter().map(appended).collect())
    }
}

fn statement(inputs: &[InputRow], messages: &[NewOutboxRow]) -> Statement {
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
    Statement::new(sql::APPEND)
        .bind(column!(inputs.id))
        .bind(column!(inputs.expected))
        .bind(column!(inputs.status))
        .bind(column!(inputs.sequence))
        .bind(column!(inputs.estimated_delivery_at))
        .bind(column!(inputs.late))
        .bind(column!(inputs.attention))
        .bind(column!(inputs.recorded_at))
        .bind(optional_text!(inputs.source))
        .bind(optional_text!(inputs.report_id))
        .bind(column!(inputs.outcome))
        .bind(text!(inputs.entry))
        .bind(column!(messages.payout_id))
        .bind(column!(messages.sequence))
        .bind(column!(messages.mode))
        .bind(column!(messages.kind))
        .bind(text!(messages.routing_key))
        .bind(text!(messages.body))
        .bind(optional_text!(messages.traceparent))
        .bind(column!(messages.created_at))
}
