//! The last committed snapshot of every live payout, so that a poll need not ask the database.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::payout::{PayoutId, Snapshot};
use crate::watchers::Watchers;

const SHARDS: usize = 64;

/// Snapshots of live payouts, written by their actors after each commit. An actor puts its payout in before its
/// first commit and takes it out when it stops.
#[derive(Debug)]
pub struct Snapshots {
    shards: Vec<RwLock<HashMap<PayoutId, Arc<Snapshot>>>>,
    hasher: RandomState,
    distrusted: AtomicBool,
    watchers: Arc<Watchers>,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            hasher: RandomState::new(),
            distrusted: AtomicBool::new(false),
            watchers: Arc::default(),
        }
    }
}

impl Snapshots {
    fn shard(&self, id: PayoutId) -> &RwLock<HashMap<PayoutId, Arc<Snapshot>>> {
        let hash = self.hasher.hash_one(id) % (SHARDS as u64);
        &self.shards[usize::try_from(hash).unwrap_or(0)]
    }

    /// From now on nothing is shown: another process may be writing.
    pub fn distrust(&self) {
        self.distrusted.store(true, Ordering::SeqCst);
    }

    /// Forgets everything, and from now on shows what is published.
    pub fn trust_afresh(&self) {
        for shard in &self.shards {
            shard.write().unwrap_or_else(PoisonError::into_inner).clear();
        }
        self.distrusted.store(false, Ordering::SeqCst);
    }

    /// The newest committed snapshot, while the payout's actor is live and no other process could have written.
    #[must_use]
    pub fn get(&self, id: PayoutId) -> Option<Arc<Snapshot>> {
        if self.distrusted.load(Ordering::SeqCst) {
            return None;
        }
        self.shard(id).read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Those who wait for payouts to move.
    #[must_use]
    pub fn watchers(&self) -> &Arc<Watchers> {
        &self.watchers
    }

    /// Makes a committed snapshot visible, and tells those who wait for it. An older one than is known changes nothing.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        self.watchers.notify(&snapshot);
        let id = snapshot.payout.id;
        let mut shard = self.shard(id).write().unwrap_or_else(PoisonError::into_inner);
        let known = shard.entry(id).or_insert_with(|| Arc::clone(&snapshot));
        if known.version < snapshot.version {
            *known = snapshot;
        }
    }

    /// The newer of `stored` and what the actor, if any, has published; and sees to it that no later
    /// [`get`](Self::get) shows anything older.
    #[must_use]
    pub fn newest(&self, stored: Arc<Snapshot>) -> Arc<Snapshot> {
        let mut shard = self.shard(stored.payout.id).write().unwrap_or_else(PoisonError::into_inner);
        match shard.get_mut(&stored.payout.id) {
            None => stored,
            Some(live) => {
                if live.version < stored.version {
                    *live = stored;
                }
                Arc::clone(live)
            }
        }
    }

    /// Forgets a payout whose actor stopped: from now on the database is asked.
    pub fn remove(&self, id: PayoutId) {
        self.shard(id).write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}
