//! Wakes the services that poll for committed changes, so that they do not wait for their next poll.

use std::sync::Arc;

use async_trait::async_trait;
use payoutd_actors::ports::{Append, Appended, BatchError, Create, Created, Journal, Stored, Unavailable};
use payoutd_domain::{Mode, PayoutId, Timestamp};
use tokio::sync::Notify;

/// Notified after every commit of the mode. A missed notification only delays a change until the next poll.
#[derive(Debug, Clone, Default)]
pub struct Wakeups {
    /// Wakes the relay of live payouts.
    pub live: Arc<Notify>,
    /// Wakes the relay of sandbox payouts.
    pub test: Arc<Notify>,
    /// Wakes the webhook dispatcher, after commits of either mode.
    pub webhooks: Arc<Notify>,
}

impl Wakeups {
    fn notify(&self, modes: impl Iterator<Item = Mode>) {
        let (mut live, mut test) = (false, false);
        for mode in modes {
            match mode {
                Mode::Live => live = true,
                Mode::Test => test = true,
            }
        }
        for (is_committed, wakeup) in [(live, &self.live), (test, &self.test), (live || test, &self.webhooks)]
        {
            if is_committed {
                wakeup.notify_one();
            }
        }
    }
}

/// A journal that sends wakeups after every commit.
pub struct NotifyingJournal {
    inner: Arc<dyn Journal>,
    wakeups: Wakeups,
}

impl NotifyingJournal {
    /// Wraps `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Journal>, wakeups: Wakeups) -> Self {
        Self { inner, wakeups }
    }
}

#[async_trait]
impl Journal for NotifyingJournal {
    async fn load(&self, ids: &[PayoutId]) -> Result<Vec<Option<Stored>>, Unavailable> {
        self.inner.load(ids).await
    }

    async fn create(&self, batch: &[Create]) -> Result<Vec<Created>, BatchError> {
        let results = self.inner.create(batch).await;
        self.wakeups.notify(batch.iter().map(|write| write.payout.terms.mode));
        results
    }

    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, BatchError> {
        let results = self.inner.append(batch).await;
        self.wakeups.notify(batch.iter().map(|write| write.after.payout.terms.mode));
        results
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<PayoutId>, Unavailable> {
        self.inner.due(now, limit).await
    }
}
