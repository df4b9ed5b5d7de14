//! The answer store port.

use async_trait::async_trait;
use payoutd_actors::ports::{BatchError, IdempotencyKeyHash, IdempotencyRecord, Unavailable};
use payoutd_domain::Timestamp;
use sqlx::sqlite::SqliteRow;

use super::{SqliteStore, Statement, run, sql};
use crate::idempotency::IdempotencyStore;
use crate::runtime::detached::unavailable;
use crate::store::at::At;
use crate::store::records::AnswerRecord;
use crate::store::rows::{AnswerRow, converted, first};

/// The statement with an answer's columns bound.
pub(super) fn bound(statement: Statement, answer: &IdempotencyRecord) -> Statement {
    let AnswerRecord { name, fingerprint, status, location, body, kept_at, expires_at } = answer.into();
    let statement = statement.bind(name).bind(fingerprint).bind(status).bind(location);
    statement.bind(body).bind(kept_at).bind(expires_at)
}

impl SqliteStore {
    /// Runs one writing statement, and keeps the answer to it where it returns a row. Where the answer's name is taken,
    /// nothing is written and no row comes back.
    pub(super) async fn write_answered(
        &self,
        statement: Statement,
        answer: Option<&IdempotencyRecord>,
    ) -> Result<Vec<SqliteRow>, BatchError> {
        let Some(answer) = answer.cloned() else { return self.write_one(statement).await };
        self.write(move |connection| {
            Box::pin(async move {
                let name = answer.key_hash.0.to_vec();
                let find = sqlx::query(sql::FIND_ANSWER).bind(name).bind(At(answer.created_at));
                if !run(connection, find).await?.is_empty() {
                    return Ok(Vec::new());
                }
                let rows = run(connection, statement).await?;
                if !rows.is_empty() {
                    run(connection, bound(sqlx::query(sql::KEEP_ANSWER), &answer)).await?;
                }
                Ok(rows)
            })
        })
        .await
    }
}

#[async_trait]
impl IdempotencyStore for SqliteStore {
    async fn find_answer(
        &self,
        name: IdempotencyKeyHash,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, Unavailable> {
        let rows = self.read(sqlx::query(sql::FIND_ANSWER).bind(name.0.to_vec()).bind(At(now))).await?;
        Ok(first(converted::<_, AnswerRow, IdempotencyRecord>(&rows)?))
    }

    async fn keep_answer(&self, answer: &IdempotencyRecord) -> Result<IdempotencyRecord, Unavailable> {
        let statement = bound(sqlx::query(sql::KEEP_ANSWER), answer);
        if !self.write_one(statement).await.map_err(unavailable)?.is_empty() {
            return Ok(answer.clone());
        }
        let kept = self.find_answer(answer.key_hash, answer.created_at).await?;
        kept.ok_or_else(|| Unavailable("the answer that is kept was not found".into()))
    }

    async fn forget_answers(&self, now: Timestamp, limit: u32) -> Result<u64, Unavailable> {
        let statement = sqlx::query(sql::FORGET_ANSWERS).bind(At(now)).bind(i64::from(limit));
        Ok(self.write_one(statement).await.map_err(unavailable)?.len() as u64)
    }
}
