//! Tells the relay that something was committed, so that it need not wait for its next look.

use std::sync::Arc;

use async_trait::async_trait;
use payoutd_actors::payout::{PayoutId, Timestamp};
use payoutd_actors::ports::{Append, Appended, BatchError, Create, Created, Journal, Stored, Unavailable};
use tokio::sync::Notify;

/// A journal that hints at every commit. Only a hint: what it misses is found by the relay's own looks.
pub struct HintingJournal {
    inner: Arc<dyn Journal>,
    relays: Vec<Arc<Notify>>,
}

impl HintingJournal {
    /// Wraps a journal, to hint these relays.
    #[must_use]
    pub fn new(inner: Arc<dyn Journal>, relays: Vec<Arc<Notify>>) -> Self {
        Self { inner, relays }
    }

    fn hint(&self) {
        for relay in &self.relays {
            relay.notify_one();
        }
    }
}

#[async_trait]
impl Journal for HintingJournal {
    async fn load(&self, ids: &[PayoutId]) -> Result<Vec<Option<Stored>>, Unavailable> {
        self.inner.load(ids).await
    }

    async fn create(&self, batch: &[Create]) -> Result<Vec<Created>, BatchError> {
        let results = self.inner.create(batch).await;
        self.hint();
        results
    }

    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, BatchError> {
        let results = self.inner.append(batch).await;
        self.hint();
        results
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<PayoutId>, Unavailable> {
        self.inner.due(now, limit).await
    }
}
