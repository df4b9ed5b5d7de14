use async_trait::async_trait;
use payoutd_actors::ports::{IdempotencyRecord, Unavailable};
use payoutd_domain::{Account, Timestamp};
use uuid::Uuid;

use crate::store::db_timestamp::DbTimestamp;
use crate::store::rows::webhooks::{
    AttemptRow, DeliveryBacklogRow, DeliveryRow, EndpointRow, NewDeliveryRow, decode_due, types_column,
};
use crate::store::rows::{convert, convert_first, decode_first};
use crate::store::sql;
use crate::store::sql_store::{Row, SqlDatabase, SqlStore};
use crate::store::statement::Statement;
use crate::webhooks::{
    DeliveryBacklog, DueDelivery, Endpoint, EndpointId, NewDelivery, RecordedAttempt, SigningSecret,
    WebhookDelivery, WebhookStore,
};

/// The maximum number of deliveries that one statement purges, and the maximum number of such statements in one call.
const PURGE_BATCH: i64 = 5000;
const MAX_PURGE_BATCHES: usize = 20;

/// The parts that differ: PostgreSQL runs these writes as one statement, SQLite as a transaction.
pub(in crate::store) trait WebhookWrites: SqlStore {
    fn delete_endpoint(&self, id: EndpointId) -> impl Future<Output = Result<bool, Unavailable>> + Send;

    fn record_attempt(
        &self,
        recorded: &RecordedAttempt,
        row: AttemptRow,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// The number of replayed deliveries, from the rows that `webhook_replay_since` returns.
    fn replayed(rows: &[Row<Self>]) -> Result<u64, Unavailable>;
}

#[async_trait]
impl<S: WebhookWrites> WebhookStore for S {
    async fn insert_endpoint(
        &self,
        endpoint: &Endpoint,
        limit: u32,
        record: Option<&IdempotencyRecord>,
    ) -> Result<bool, Unavailable> {
        let statement = Statement::new(S::Database::SQL.webhook_insert_endpoint)
            .bind(endpoint.id.0)
            .bind(endpoint.org.0)
            .bind(endpoint.mode.as_str())
            .bind(endpoint.url.clone())
            .bind(endpoint.description.clone())
            .bind(types_column(&endpoint.types))
            .bind(endpoint.secret.expose())
            .bind(DbTimestamp(endpoint.created_at))
            .bind(i64::from(limit));
        Ok(!self.write_with_record(statement, record).await?.is_empty())
    }

    async fn endpoints(&self, account: Account) -> Result<Vec<Endpoint>, Unavailable> {
        let statement =
            Statement::new(sql::WEBHOOK_ENDPOINTS).bind(account.org.0).bind(account.mode.as_str());
        convert::<_, EndpointRow, _>(&self.read(statement).await?)
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, Unavailable> {
        let statement = Statement::new(sql::WEBHOOK_ENDPOINT).bind(id.0);
        convert_first::<_, EndpointRow, _>(&self.read(statement).await?)
    }

    async fn delete_endpoint(&self, id: EndpointId) -> Result<bool, Unavailable> {
        WebhookWrites::delete_endpoint(self, id).await
    }

    async fn rotate_secret(
        &self,
        id: EndpointId,
        secret: &SigningSecret,
        overlap_until: Timestamp,
        record: Option<&IdempotencyRecord>,
    ) -> Result<bool, Unavailable> {
        let statement = Statement::new(S::Database::SQL.webhook_rotate)
            .bind(id.0)
            .bind(secret.expose())
            .bind(DbTimestamp(overlap_until));
        Ok(!self.write_with_record(statement, record).await?.is_empty())
    }

    async fn enable_endpoint(&self, id: EndpointId) -> Result<bool, Unavailable> {
        Ok(!self.write(Statement::new(sql::WEBHOOK_ENABLE).bind(id.0)).await?.is_empty())
    }

    async fn due_deliveries(
        &self,
        now: Timestamp,
        per_endpoint: u32,
        limit: u32,
        busy: &[EndpointId],
    ) -> Result<Vec<DueDelivery>, Unavailable> {
        let busy: Vec<Uuid> = busy.iter().map(|id| id.0).collect();
        let statement = Statement::new(S::Database::SQL.webhook_due)
            .bind(DbTimestamp(now))
            .bind(i64::from(per_endpoint))
            .bind(i64::from(limit))
            .bind_ids(&busy);
        decode_due(&self.read(statement).await?)
    }

    async fn record_attempt(&self, recorded: &RecordedAttempt) -> Result<(), Unavailable> {
        WebhookWrites::record_attempt(self, recorded, AttemptRow::new(recorded)?).await
    }

    async fn deliveries(
        &self,
        id: EndpointId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<WebhookDelivery>, Unavailable> {
        let statement = Statement::new(sql::WEBHOOK_DELIVERIES)
            .bind(id.0)
            .bind(before.unwrap_or(i64::MAX))
            .bind(i64::from(limit));
        convert::<_, DeliveryRow, _>(&self.read(statement).await?)
    }

    async fn replay(
        &self,
        id: EndpointId,
        deliveries: &[NewDelivery],
        now: Timestamp,
    ) -> Result<u64, Unavailable> {
        let rows: Vec<_> = deliveries.iter().map(NewDeliveryRow::from).collect();
        let statement = Statement::new(S::Database::SQL.webhook_replay)
            .bind(id.0)
            .bind_deliveries(&rows)
            .bind(DbTimestamp(now));
        Ok(self.write(statement).await?.len() as u64)
    }

    async fn replay_since(
        &self,
        id: EndpointId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, Unavailable> {
        let statement = Statement::new(S::Database::SQL.webhook_replay_since)
            .bind(id.0)
            .bind(DbTimestamp(since))
            .bind(DbTimestamp(now));
        S::replayed(&self.write(statement).await?)
    }

    async fn delivery_backlog(&self, now: Timestamp) -> Result<DeliveryBacklog, Unavailable> {
        let rows = self.read(Statement::new(sql::WEBHOOK_WAITING).bind(DbTimestamp(now))).await?;
        Ok(decode_first::<_, DeliveryBacklogRow>(&rows)?.map(DeliveryBacklog::from).unwrap_or_default())
    }

    async fn maintain_deliveries(&self, now: Timestamp, cutoff: Timestamp) -> Result<u64, Unavailable> {
        self.write(Statement::new(sql::WEBHOOK_RESCHEDULE).bind(DbTimestamp(now))).await?;
        let mut purged = 0;
        for _ in 0..MAX_PURGE_BATCHES {
            let statement = Statement::new(sql::WEBHOOK_PURGE).bind(DbTimestamp(cutoff)).bind(PURGE_BATCH);
            match self.write(statement).await?.len() {
                0 => break,
                count => purged += count as u64,
            }
        }
        Ok(purged)
    }
}
