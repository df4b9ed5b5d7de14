//! Tells those who pass commits on that something was committed, so that they need not wait for their next look.

use std::sync::Arc;

use async_trait::async_trait;
use payoutd_actors::ports::{Append, Appended, BatchError, Create, Created, Journal, Stored, Unavailable};
use payoutd_domain::{Mode, PayoutId, Timestamp};
use tokio::sync::Notify;

/// Rung after every commit that concerns them. Only a hint: what it misses is found by their own looks.
#[derive(Debug, Clone, Default)]
pub struct Wakeups {
    /// For the relay of live payouts.
    pub live: Arc<Notify>,
    /// For the sandbox's.
    pub test: Arc<Notify>,
    /// For the sender of webhooks.
    pub webhooks: Arc<Notify>,
}

impl Wakeups {
    fn ring(&self, modes: impl Iterator<Item = Mode>) {
        let (mut live, mut test) = (false, false);
        for mode in modes {
            match mode {
                Mode::Live => live = true,
                Mode::Test => test = true,
            }
        }
        for (concerned, hint) in [(live, &self.live), (test, &self.test), (live || test, &self.webhooks)] {
            if concerned {
                hint.notify_one();
            }
        }
    }
}

/// A journal that hints at every commit.
pub struct NotifyingJournal {
    inner: Arc<dyn Journal>,
    hints: Wakeups,
}

impl NotifyingJournal {
    /// Wraps a journal.
    #[must_use]
    pub fn new(inner: Arc<dyn Journal>, hints: Wakeups) -> Self {
        Self { inner, hints }
    }
}

#[async_trait]
impl Journal for NotifyingJournal {
    async fn load(&self, ids: &[PayoutId]) -> Result<Vec<Option<Stored>>, Unavailable> {
        self.inner.load(ids).await
    }

    async fn create(&self, batch: &[Create]) -> Result<Vec<Created>, BatchError> {
        let results = self.inner.create(batch).await;
        self.hints.ring(batch.iter().map(|write| write.payout.terms.mode));
        results
    }

    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, BatchError> {
        let results = self.inner.append(batch).await;
        self.hints.ring(batch.iter().map(|write| write.after.payout.terms.mode));
        results
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<PayoutId>, Unavailable> {
        self.inner.due(now, limit).await
    }
}
