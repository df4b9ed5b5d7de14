use payoutd_actors::ports::Unavailable;
use sqlx::postgres::PgRow;

use super::{PgStore, Statement, sql};
use crate::store::db_timestamp::DbTimestamp;
use crate::store::ports::webhooks::WebhookWrites;
use crate::store::rows::decode_first;
use crate::store::rows::webhooks::AttemptRow;
use crate::store::sql_store::SqlStore;
use crate::webhooks::{EndpointId, RecordedAttempt};

impl WebhookWrites for PgStore {
    async fn delete_endpoint(&self, id: EndpointId) -> Result<bool, Unavailable> {
        let rows = self.write(Statement::new(sql::WEBHOOK_DELETE_ENDPOINT).bind(id.0)).await?;
        Ok(!rows.is_empty())
    }

    async fn record_attempt(&self, recorded: &RecordedAttempt, row: AttemptRow) -> Result<(), Unavailable> {
        let attempts = i64::from(recorded.attempts);
        let statement = match row.disabled_reason {
            None => Statement::new(sql::WEBHOOK_RECORD)
                .bind(recorded.id)
                .bind(recorded.endpoint_id.0)
                .bind(row.status)
                .bind(attempts)
                .bind(row.next_attempt_at)
                .bind(row.log)
                .bind(row.effect)
                .bind(DbTimestamp(recorded.at)),
            Some(reason) => Statement::new(sql::WEBHOOK_ABANDON)
                .bind(recorded.id)
                .bind(recorded.endpoint_id.0)
                .bind(attempts)
                .bind(DbTimestamp(recorded.at))
                .bind(row.log)
                .bind(reason),
        };
        self.write(statement).await.map(drop)
    }

    fn replayed(rows: &[PgRow]) -> Result<u64, Unavailable> {
        let count = decode_first(rows)?;
        Ok(count.map_or(0, |(count,): (i64,)| count.unsigned_abs()))
    }
}
