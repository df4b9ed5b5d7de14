use async_trait::async_trait;
use payoutd_actors::ports::{Append, Appended, BatchError, Create, Created, Journal, Stored, Unavailable};
use payoutd_domain::{PayoutId, Timestamp};

use super::SqliteStore;
use crate::store::ports::payouts;

#[async_trait]
impl Journal for SqliteStore {
    async fn load(&self, ids: &[PayoutId]) -> Result<Vec<Option<Stored>>, Unavailable> {
        payouts::load(self, ids).await
    }

    async fn create(&self, batch: &[Create]) -> Result<Vec<Created>, BatchError> {
        self.create_batch(batch).await
    }

    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, BatchError> {
        self.append_batch(batch).await
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<PayoutId>, Unavailable> {
        payouts::overdue(self, now, limit).await
    }
}
