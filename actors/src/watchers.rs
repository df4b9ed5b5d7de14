//! Those who wait for a payout to move. They cost nothing until it does: no polling, no query, no actor.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::payout::{PayoutId, Sequence, Snapshot};

const SHARDS: usize = 64;

type Latest = watch::Sender<Option<Arc<Snapshot>>>;

/// Who waits for which payout.
#[derive(Debug)]
pub struct Watchers {
    shards: Vec<Mutex<HashMap<PayoutId, Latest>>>,
    hasher: RandomState,
}

impl Default for Watchers {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }
}

impl Watchers {
    fn shard(&self, id: PayoutId) -> MutexGuard<'_, HashMap<PayoutId, Latest>> {
        let hash = self.hasher.hash_one(id) % (SHARDS as u64);
        self.shards[usize::try_from(hash).unwrap_or(0)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a payout from now on, whether or not it exists. Read the payout only afterwards: then nothing can happen
    /// in between unseen.
    #[must_use]
    pub fn watch(self: &Arc<Self>, id: PayoutId) -> Watch {
        let latest = self.shard(id).entry(id).or_default().subscribe();
        Watch { id, latest, watchers: Arc::clone(self) }
    }

    /// Tells whoever watches this payout.
    pub fn notify(&self, snapshot: &Arc<Snapshot>) {
        if let Some(latest) = self.shard(snapshot.payout.id).get(&snapshot.payout.id) {
            latest.send_if_modified(|known| {
                let newer = known.as_ref().is_none_or(|known| known.version < snapshot.version);
                if newer {
                    *known = Some(Arc::clone(snapshot));
                }
                newer
            });
        }
    }

    /// How many payouts are watched.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }
}

/// One watch over one payout. Ends when dropped.
#[derive(Debug)]
pub struct Watch {
    id: PayoutId,
    latest: watch::Receiver<Option<Arc<Snapshot>>>,
    watchers: Arc<Watchers>,
}

impl Watch {
    /// Waits until the payout has moved past `sequence`, and returns it as it is then.
    pub async fn moved_past(&mut self, sequence: Sequence) -> Arc<Snapshot> {
        let moved = |latest: &Option<Arc<Snapshot>>| latest.as_ref().is_some_and(|s| s.sequence > sequence);
        let found = match self.latest.wait_for(moved).await {
            Ok(latest) => latest.clone(),
            Err(_) => None,
        };
        match found {
            Some(snapshot) => snapshot,
            // The sender lives as long as a watch does; were it gone, nothing would ever move.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut shard = self.watchers.shard(self.id);
        // The last one out takes the entry along; its own receiver still counts.
        if shard.get(&self.id).is_some_and(|latest| latest.receiver_count() <= 1) {
            shard.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payout::{Payout, Version};
    use crate::testing::sample;

    fn at(sequence: i64) -> Arc<Snapshot> {
        let mut snapshot = Payout::new(Arc::new(sample::payout(1))).snapshot();
        snapshot.sequence = Sequence(sequence);
        snapshot.version = Version(sequence);
        Arc::new(snapshot)
    }

    #[tokio::test]
    async fn a_watch_sees_the_newest_change_and_leaves_nothing_behind() {
        let watchers = Arc::new(Watchers::default());
        let id = at(1).payout.id;
        let mut watch = watchers.watch(id);
        let mut other = watchers.watch(id);
        watchers.notify(&at(3));
        watchers.notify(&at(2));
        assert_eq!(watch.moved_past(Sequence(1)).await.sequence, Sequence(3));
        assert_eq!(other.moved_past(Sequence(2)).await.sequence, Sequence(3));
        let waiting = tokio::spawn(async move { watch.moved_past(Sequence(3)).await.sequence });
        watchers.notify(&at(4));
        assert_eq!(waiting.await.unwrap(), Sequence(4));
        drop(other);
        assert_eq!(watchers.watched(), 0);
    }
}
