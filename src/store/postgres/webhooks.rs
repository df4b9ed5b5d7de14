//! The webhook store port.

use async_trait::async_trait;
use payoutd_actors::ports::{IdempotencyRecord, Unavailable};
use payoutd_domain::{Mode, OrgId, Timestamp};
use sqlx::Row;

use super::answers::bound;
use super::{PgStore, Statement, sql};
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

impl PgStore {
    /// Writes, and says whether any row came back.
    async fn wrote(&self, statement: Statement) -> Result<bool, Unavailable> {
        self.write(statement).await.map(|rows| !rows.is_empty()).map_err(unavailable)
    }
}

#[async_trait]
impl WebhookStore for PgStore {
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
        self.wrote(bound(statement, answer)).await
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
        self.wrote(sqlx::query(sql::WEBHOOK_DELETE_ENDPOINT).bind(id.0)).await
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
        self.wrote(bound(statement, answer)).await
    }

    async fn enable_endpoint(&self, id: EndpointId) -> Result<bool, Unavailable> {
        self.wrote(sqlx::query(sql::WEBHOOK_ENABLE).bind(id.0)).await
    }

    async fn due_deliveries(
        &self,
        now: Timestamp,
        per_endpoint: u32,
        limit: u32,
        busy: &[EndpointId],
    ) -> Result<Vec<DueDelivery>, Unavailable> {
        let statement = sqlx::query(sql::WEBHOOK_DUE)
            .bind(At(now))
            .bind(i64::from(per_endpoint))
            .bind(i64::from(limit))
            .bind(busy.iter().map(|id| id.0).collect::<Vec<_>>());
        due(&self.read(statement).await?)
    }

    async fn record_attempt(&self, recorded: &RecordedAttempt) -> Result<(), Unavailable> {
        let record = AttemptRecord::new(recorded)?;
        let attempts = i64::from(recorded.attempts);
        let statement = match record.disables {
            None => sqlx::query(sql::WEBHOOK_RECORD)
                .bind(recorded.id)
                .bind(recorded.endpoint_id.0)
                .bind(record.status)
                .bind(attempts)
                .bind(record.next_attempt_at)
                .bind(record.log)
                .bind(record.effect)
                .bind(At(recorded.at)),
            Some(reason) => sqlx::query(sql::WEBHOOK_GIVE_UP)
                .bind(recorded.id)
                .bind(recorded.endpoint_id.0)
                .bind(attempts)
                .bind(At(recorded.at))
                .bind(record.log)
                .bind(reason),
        };
        self.write(statement).await.map(drop).map_err(unavailable)
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
        let statement = sqlx::query(sql::WEBHOOK_REPLAY)
            .bind(id.0)
            .bind(deliveries.iter().map(|d| d.payout_id.0).collect::<Vec<_>>())
            .bind(deliveries.iter().map(|d| d.sequence.0).collect::<Vec<_>>())
            .bind(deliveries.iter().map(|d| d.kind.as_str()).collect::<Vec<_>>())
            .bind(deliveries.iter().map(|d| At(d.committed_at)).collect::<Vec<_>>())
            .bind(At(now));
        self.write(statement).await.map(|rows| rows.len() as u64).map_err(unavailable)
    }

    async fn replay_since(
        &self,
        id: EndpointId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, Unavailable> {
        let statement = sqlx::query(sql::WEBHOOK_REPLAY_SINCE).bind(id.0).bind(At(since)).bind(At(now));
        let rows = self.write(statement).await.map_err(unavailable)?;
        Ok(rows.first().map_or(0, |row| row.get::<i64, _>(0).unsigned_abs()))
    }

    async fn delivery_backlog(&self, now: Timestamp) -> Result<DeliveryBacklog, Unavailable> {
        let rows = self.read(sqlx::query(sql::WEBHOOK_WAITING).bind(At(now))).await?;
        Ok(first(read_rows::<_, WaitingRow>(&rows)?).map(DeliveryBacklog::from).unwrap_or_default())
    }

    async fn maintain_deliveries(&self, now: Timestamp, cutoff: Timestamp) -> Result<u64, Unavailable> {
        self.write(sqlx::query(sql::WEBHOOK_CALL_UP).bind(At(now))).await.map_err(unavailable)?;
        let mut forgotten = 0;
        for _ in 0..FORGET_ROUNDS {
            let statement = sqlx::query(sql::WEBHOOK_FORGET).bind(At(cutoff)).bind(FORGET_BATCH);
            let rows = self.write(statement).await.map_err(unavailable)?;
            forgotten += rows.len() as u64;
            if rows.is_empty() {
                break;
            }
        }
        Ok(forgotten)
    }
}
