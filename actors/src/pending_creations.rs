//! Pending creations: payouts with a creation time whose row may not be committed.
//!
//! The creation time of a payout is taken before its row is committed, so a row can appear below newer ones in a list.
//! Here the time is taken and the creation recorded in one step. [`PendingCreations::creation_watermark`] waits for the
//! pending creations and returns a time at or before which no further payout is created.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use payoutd_domain::{Account, Timestamp};

/// The pending creations of this process. Only one process at a time creates payouts in a database.
#[derive(Debug, Default)]
pub struct PendingCreations(Mutex<State>);

#[derive(Debug)]
struct State {
    /// The newest time returned as a creation time or a watermark.
    newest: Timestamp,
    last_id: u64,
    pending: HashMap<u64, PendingCreation>,
}

#[derive(Debug)]
struct PendingCreation {
    account: Account,
    /// Closes when the creation has ended.
    ended: watch::Receiver<()>,
}

impl Default for State {
    fn default() -> Self {
        Self { newest: Timestamp::EPOCH, last_id: 0, pending: HashMap::new() }
    }
}

/// One pending creation. It ends when this is dropped.
#[derive(Debug)]
pub struct CreationGuard {
    at: Timestamp,
    id: u64,
    pending_creations: Arc<PendingCreations>,
    /// Dropped after the entry is removed, and so wakes the waiting watermarks.
    _ended: watch::Sender<()>,
}

impl PendingCreations {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a creation at `now`, or one microsecond after the newest time if the clock did not advance.
    #[must_use]
    pub fn begin(self: &Arc<Self>, account: Account, now: Timestamp) -> CreationGuard {
        let (sender, ended) = watch::channel(());
        let mut state = self.state();
        let after = Timestamp::from_micros(state.newest.micros() + 1).unwrap_or(state.newest);
        let at = now.max(after);
        state.newest = at;
        state.last_id += 1;
        let id = state.last_id;
        state.pending.insert(id, PendingCreation { account, ended });
        CreationGuard { at, id, pending_creations: Arc::clone(self), _ended: sender }
    }

    /// Waits until every pending creation of this account has ended. The returned time is not before `now` and before
    /// the time of every creation that begins later, so every payout of the account up to it is committed.
    pub async fn creation_watermark(&self, account: Account, now: Timestamp) -> Timestamp {
        let (watermark, pending) = {
            let mut state = self.state();
            state.newest = state.newest.max(now);
            let of_account = state.pending.values().filter(|creation| creation.account == account);
            (state.newest, of_account.map(|creation| creation.ended.clone()).collect::<Vec<_>>())
        };
        for mut ended in pending {
            // Returns an error when the sender is dropped, as no value is ever sent.
            let _ = ended.changed().await;
        }
        watermark
    }
}

impl CreationGuard {
    /// The creation time. No two creations of one process have the same.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }
}

impl Drop for CreationGuard {
    fn drop(&mut self) {
        self.pending_creations.state().pending.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::time::timeout;

    use payoutd_domain::Mode;

    use super::*;
    use crate::testing::sample;

    const SHORT_WAIT: Duration = Duration::from_millis(30);

    #[tokio::test]
    async fn no_creation_begins_at_or_before_a_returned_watermark() {
        let pending_creations = Arc::new(PendingCreations::default());
        let account = Account::from(&*sample::payout(1).terms);
        let begin = |seconds| pending_creations.begin(account, sample::at(seconds));
        let first = begin(10);
        assert_eq!(first.at(), sample::at(10));
        let second = begin(10);
        assert!(second.at() > first.at(), "two creations have different times");
        drop((first, second));
        assert!(begin(5).at() > sample::at(10), "the clock went back");
        let watermark = pending_creations.creation_watermark(account, sample::at(20)).await;
        assert_eq!(watermark, sample::at(20));
        assert!(begin(20).at() > watermark);
        assert!(
            pending_creations.creation_watermark(account, sample::at(0)).await > watermark,
            "a watermark never goes back"
        );
        assert!(pending_creations.state().pending.is_empty());
    }

    #[tokio::test]
    async fn the_watermark_waits_for_pending_creations_of_its_account_only() {
        let pending_creations = Arc::new(PendingCreations::default());
        let org = sample::payout(1).terms.org;
        let [live, test] = [Mode::Live, Mode::Test].map(|mode| Account { org, mode });
        let creation = pending_creations.begin(live, sample::at(0));
        let (end, ended) = oneshot::channel::<()>();
        tokio::spawn(async move {
            ended.await.unwrap();
            drop(creation);
        });
        assert!(
            timeout(SHORT_WAIT, pending_creations.creation_watermark(live, sample::at(1))).await.is_err()
        );
        pending_creations.creation_watermark(test, sample::at(1)).await;
        end.send(()).unwrap();
        pending_creations.creation_watermark(live, sample::at(1)).await;
    }
}
