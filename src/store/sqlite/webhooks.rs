//! The webhook store port.

use async_trait::async_trait;
use payoutd_actors::ports::{BatchError, IdempotencyRecord, Unavailable};
use payoutd_domain::{Mode, OrgId, Timestamp};
use serde::Serialize;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::{SqliteStore, Statement, json, run, sql};
use crate::runtime::detached::unavailable;
use crate::store::at::At;
use crate::store::rows::{converted, first, read_rows};
use crate::store::webhook_rows::{
    AttemptRecord, DeliveryRow, EndpointRow, FORGET_BATCH, FORGET_ROUNDS, WaitingRow, due, types,
};
use crate::webhooks::{
    DeliveryBacklog, DueDelivery, Endpoint, EndpointId, NewDelivery, RecordedAttempt, SigningSecret,
    WebhookDelivery, WebhookStore,
};

/// A delivery to be replayed, as a parameter.
#[derive(Serialize)]
struct ReplayRecord {
    payout_id: String,
    sequence: i64,
    r#type: &'static str,
    created_at: At,
}

impl From<&NewDelivery> for ReplayRecord {
    fn from(new: &NewDelivery) -> Self {
        Self {
            payout_id: new.payout_id.0.simple().to_string(),
            sequence: new.sequence.0,
            r#type: new.kind.as_str(),
            created_at: At(new.committed_at),
        }
    }
}

impl SqliteStore {
    /// Writes, and says how many rows came back.
    async fn wrote(&self, statement: Statement) -> Result<u64, Unavailable> {
        self.write_one(statement).await.map(|rows| rows.len() as u64).map_err(unavailable)
    }
}

#[async_trait]
impl WebhookStore for SqliteStore {
    async fn insert_endpoint(
        &self,
        endpoint: &Endpoint,
        limit: u32,
        answer: Option<&IdempotencyRecord>,
    ) -> Result<bool, Unavailable> {
        let statement = sqlx::query(sql::WEBHOOK_INSERT_ENDPOINT)
            .bind(endpoint.id.0)
            .bind(endpoint.org.0)
            .bind(endpoint.mode.as_str())
            .bind(endpoint.url.clone())
            .bind(endpoint.description.clone())
            .bind(types(&endpoint.types))
            .bind(endpoint.secret.expose())
            .bind(At(endpoint.created_at))
            .bind(i64::from(limit));
        Ok(!self.write_answered(statement, answer).await.map_err(unavailable)?.is_empty())
    }

    async fn endpoints(&self, org: OrgId, mode: Mode) -> Result<Vec<Endpoint>, Unavailable> {
        let rows = self.read(sqlx::query(sql::WEBHOOK_ENDPOINTS).bind(org.0).bind(mode.as_str())).await?;
        converted::<_, EndpointRow, Endpoint>(&rows)
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, Unavailable> {
        let rows = self.read(sqlx::query(sql::WEBHOOK_ENDPOINT).bind(id.0)).await?;
        Ok(first(converted::<_, EndpointRow, Endpoint>(&rows)?))
    }

    async fn delete_endpoint(&self, id: EndpointId) -> Result<bool, Unavailable> {
        let deleted = self.write(move |connection| {
            Box::pin(async move {
                run(connection, sqlx::query(sql::WEBHOOK_SKIP).bind(id.0)).await?;
                run(connection, sqlx::query(sql::WEBHOOK_DELETE_ENDPOINT).bind(id.0)).await
            })
        });
        Ok(!deleted.await.map_err(unavailable)?.is_empty())
    }

    async fn rotate_secret(
        &self,
        id: EndpointId,
        secret: &SigningSecret,
        overlap_until: Timestamp,
        answer: Option<&IdempotencyRecord>,
    ) -> Result<bool, Unavailable> {
        let statement =
            sqlx::query(sql::WEBHOOK_ROTATE).bind(id.0).bind(secret.expose()).bind(At(overlap_until));
        Ok(!self.write_answered(statement, answer).await.map_err(unavailable)?.is_empty())
    }

    async fn enable_endpoint(&self, id: EndpointId) -> Result<bool, Unavailable> {
        Ok(self.wrote(sqlx::query(sql::WEBHOOK_ENABLE).bind(id.0)).await? > 0)
    }

    async fn due_deliveries(
        &self,
        now: Timestamp,
        per_endpoint: u32,
        limit: u32,
        busy: &[EndpointId],
    ) -> Result<Vec<DueDelivery>, Unavailable> {
        let busy: Vec<_> = busy.iter().map(|id| id.0.simple()).collect();
        let statement = sqlx::query(sql::WEBHOOK_DUE)
            .bind(At(now))
            .bind(i64::from(per_endpoint))
            .bind(i64::from(limit))
            .bind(json(&busy).map_err(unavailable)?);
        due(&self.read(statement).await?)
    }

    async fn record_attempt(&self, recorded: &RecordedAttempt) -> Result<(), Unavailable> {
        let recorded = recorded.clone();
        let record = AttemptRecord::new(&recorded)?;
        let written = self.write(move |connection| Box::pin(write_attempt(connection, recorded, record)));
        written.await.map_err(unavailable)
    }

    async fn deliveries(
        &self,
        id: EndpointId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<WebhookDelivery>, Unavailable> {
        let statement = sqlx::query(sql::WEBHOOK_DELIVERIES)
            .bind(id.0)
            .bind(before.unwrap_or(i64::MAX))
            .bind(i64::from(limit));
        converted::<_, DeliveryRow, WebhookDelivery>(&self.read(statement).await?)
    }

    async fn replay(
        &self,
        id: EndpointId,
        deliveries: &[NewDelivery],
        now: Timestamp,
    ) -> Result<u64, Unavailable> {
        let records: Vec<_> = deliveries.iter().map(ReplayRecord::from).collect();
        let records = json(&records).map_err(unavailable)?;
        self.wrote(sqlx::query(sql::WEBHOOK_REPLAY).bind(id.0).bind(records).bind(At(now))).await
    }

    async fn replay_since(
        &self,
        id: EndpointId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, Unavailable> {
        self.wrote(sqlx::query(sql::WEBHOOK_REPLAY_SINCE).bind(id.0).bind(At(since)).bind(At(now))).await
    }

    async fn delivery_backlog(&self, now: Timestamp) -> Result<DeliveryBacklog, Unavailable> {
        let rows = self.read(sqlx::query(sql::WEBHOOK_WAITING).bind(At(now))).await?;
        Ok(first(read_rows::<_, WaitingRow>(&rows)?).map(DeliveryBacklog::from).unwrap_or_default())
    }

    async fn maintain_deliveries(&self, now: Timestamp, cutoff: Timestamp) -> Result<u64, Unavailable> {
        self.wrote(sqlx::query(sql::WEBHOOK_CALL_UP).bind(At(now))).await?;
        let mut forgotten = 0;
        for _ in 0..FORGET_ROUNDS {
            let statement = sqlx::query(sql::WEBHOOK_FORGET).bind(At(cutoff)).bind(FORGET_BATCH);
            match self.wrote(statement).await? {
                0 => break,
                count => forgotten += count,
            }
        }
        Ok(forgotten)
    }
}

async fn write_attempt(
    connection: &mut SqliteConnection,
    recorded: RecordedAttempt,
    record: AttemptRecord,
) -> Result<(), BatchError> {
    let endpoint = recorded.endpoint_id.0;
    let delivery = sqlx::query(sql::WEBHOOK_RECORD_DELIVERY)
        .bind(recorded.id)
        .bind(record.status)
        .bind(i64::from(recorded.attempts))
        .bind(record.next_attempt_at)
        .bind(record.log);
    let written = run(connection, delivery).await?;
    if let Some(reason) = record.disables {
        run(connection, sqlx::query(sql::WEBHOOK_SKIP).bind(endpoint)).await?;
        let disable = sqlx::query(sql::WEBHOOK_DISABLE).bind(endpoint).bind(At(recorded.at)).bind(reason);
        return run(connection, disable).await.map(drop);
    }
    if let Some(row) = written.first() {
        let later = sqlx::query(sql::WEBHOOK_RECORD_LATER)
            .bind(endpoint)
            .bind(row.get::<Uuid, _>(0))
            .bind(row.get::<i64, _>(1))
            .bind(record.next_attempt_at);
        run(connection, later).await?;
    }
    let known =
        sqlx::query(sql::WEBHOOK_RECORD_ENDPOINT).bind(endpoint).bind(record.effect).bind(At(recorded.at));
    run(connection, known).await.map(drop)
}
