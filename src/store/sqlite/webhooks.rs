use payoutd_actors::ports::{BatchError, Unavailable};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::{SqliteStore, Statement, run, sql};
use crate::runtime::detached::unavailable;
use crate::store::db_timestamp::DbTimestamp;
use crate::store::ports::webhooks::WebhookWrites;
use crate::store::rows::webhooks::AttemptRow;
use crate::webhooks::{EndpointId, RecordedAttempt};

impl WebhookWrites for SqliteStore {
    async fn delete_endpoint(&self, id: EndpointId) -> Result<bool, Unavailable> {
        let deleted = self.transaction(move |connection| {
            Box::pin(async move {
                run(connection, Statement::new(sql::WEBHOOK_SKIP).bind(id.0)).await?;
                run(connection, Statement::new(sql::WEBHOOK_DELETE_ENDPOINT).bind(id.0)).await
            })
        });
        Ok(!deleted.await.map_err(unavailable)?.is_empty())
    }

    async fn record_attempt(&self, recorded: &RecordedAttempt, row: AttemptRow) -> Result<(), Unavailable> {
        let recorded = recorded.clone();
        let written = self.transaction(move |connection| Box::pin(write_attempt(connection, recorded, row)));
        written.await.map_err(unavailable)
    }

    fn replayed(rows: &[SqliteRow]) -> Result<u64, Unavailable> {
        Ok(rows.len() as u64)
    }
}

async fn write_attempt(
    connection: &mut SqliteConnection,
    recorded: RecordedAttempt,
    row: AttemptRow,
) -> Result<(), BatchError> {
    let endpoint = recorded.endpoint_id.0;
    let delivery = Statement::new(sql::WEBHOOK_RECORD_DELIVERY)
        .bind(recorded.id)
        .bind(row.status)
        .bind(i64::from(recorded.attempts))
        .bind(row.next_attempt_at)
        .bind(row.log);
    let written = run(connection, delivery).await?;
    if let Some(reason) = row.disabled_reason {
        run(connection, Statement::new(sql::WEBHOOK_SKIP).bind(endpoint)).await?;
        let disable =
            Statement::new(sql::WEBHOOK_DISABLE).bind(endpoint).bind(DbTimestamp(recorded.at)).bind(reason);
        return run(connection, disable).await.map(drop);
    }
    if let Some(delivery) = written.first() {
        let later = Statement::new(sql::WEBHOOK_RESCHEDULE_LATER)
            .bind(endpoint)
            .bind(delivery.get::<Uuid, _>(0))
            .bind(delivery.get::<i64, _>(1))
            .bind(row.next_attempt_at);
        run(connection, later).await?;
    }
    let health = Statement::new(sql::WEBHOOK_RECORD_ENDPOINT)
        .bind(endpoint)
        .bind(row.effect)
        .bind(DbTimestamp(recorded.at));
    run(connection, health).await.map(drop)
}
