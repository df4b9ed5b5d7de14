//! The answer store port.

use async_trait::async_trait;
use payoutd_actors::ports::{IdempotencyKeyHash, IdempotencyRecord, Unavailable};
use payoutd_domain::Timestamp;

use super::{PgStore, Statement, sql};
use crate::idempotency::IdempotencyStore;
use crate::runtime::detached::unavailable;
use crate::store::at::At;
use crate::store::records::AnswerRecord;
use crate::store::rows::{AnswerRow, converted, first};

/// The statement with an answer's columns bound, or as many nulls.
pub(super) fn bound(statement: Statement, answer: Option<&IdempotencyRecord>) -> Statement {
    let answer = answer.map(AnswerRecord::from);
    let answer = answer.as_ref();
    statement
        .bind(answer.map(|answer| answer.name.clone()))
        .bind(answer.map(|answer| answer.fingerprint.clone()))
        .bind(answer.map(|answer| answer.status))
        .bind(answer.and_then(|answer| answer.location.clone()))
        .bind(answer.map(|answer| answer.body.clone()))
        .bind(answer.map(|answer| answer.kept_at))
        .bind(answer.map(|answer| answer.expires_at))
}

#[async_trait]
impl IdempotencyStore for PgStore {
    async fn find_answer(
        &self,
        name: IdempotencyKeyHash,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, Unavailable> {
        let rows = self.read(sqlx::query(sql::FIND_ANSWER).bind(name.0.to_vec()).bind(At(now))).await?;
        Ok(first(converted::<_, AnswerRow, IdempotencyRecord>(&rows)?))
    }

    async fn keep_answer(&self, answer: &IdempotencyRecord) -> Result<IdempotencyRecord, Unavailable> {
        let statement = bound(sqlx::query(sql::KEEP_ANSWER), Some(answer));
        if !self.write(statement).await.map_err(unavailable)?.is_empty() {
            return Ok(answer.clone());
        }
        let kept = self.find_answer(answer.key_hash, answer.created_at).await?;
        kept.ok_or_else(|| Unavailable("the answer that is kept was not found".into()))
    }

    async fn forget_answers(&self, now: Timestamp, limit: u32) -> Result<u64, Unavailable> {
        let statement = sqlx::query(sql::FORGET_ANSWERS).bind(At(now)).bind(i64::from(limit));
        Ok(self.write(statement).await.map_err(unavailable)?.len() as u64)
    }
}
