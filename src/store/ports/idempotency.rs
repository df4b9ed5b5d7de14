use async_trait::async_trait;
use payoutd_actors::ports::{IdempotencyKeyHash, IdempotencyRecord, Unavailable};
use payoutd_domain::Timestamp;

use crate::idempotency::IdempotencyStore;
use crate::store::db_timestamp::DbTimestamp;
use crate::store::rows::convert_first;
use crate::store::rows::idempotency::IdempotencyRow;
use crate::store::sql;
use crate::store::sql_store::SqlStore;
use crate::store::statement::Statement;

#[async_trait]
impl<S: SqlStore> IdempotencyStore for S {
    async fn find_record(
        &self,
        name: IdempotencyKeyHash,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, Unavailable> {
        let statement =
            Statement::new(sql::FIND_IDEMPOTENCY_RECORD).bind(name.0.to_vec()).bind(DbTimestamp(now));
        convert_first::<_, IdempotencyRow, _>(&self.read(statement).await?)
    }

    async fn insert_record(&self, record: &IdempotencyRecord) -> Result<IdempotencyRecord, Unavailable> {
        let statement = Statement::new(sql::INSERT_IDEMPOTENCY_RECORD).bind_record(Some(record));
        if !self.write(statement).await?.is_empty() {
            return Ok(record.clone());
        }
        let existing = self.find_record(record.key_hash, record.created_at).await?;
        existing.ok_or_else(|| Unavailable("the existing idempotency record was not found".into()))
    }

    async fn purge_expired_records(&self, now: Timestamp, limit: u32) -> Result<u64, Unavailable> {
        let statement =
            Statement::new(sql::PURGE_IDEMPOTENCY_RECORDS).bind(DbTimestamp(now)).bind(i64::from(limit));
        Ok(self.write(statement).await?.len() as u64)
    }
}
