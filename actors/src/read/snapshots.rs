//! The last committed snapshot of every live payout, so that a poll need not ask the database.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use crate::read::subscriptions::Subscriptions;
use payoutd_domain::{Change, PayoutId, Snapshot};

const SHARDS: usize = 64;

/// Snapshots of live payouts, written by their actors. An actor [expects](Self::expect) its payout before it loads it,
/// [publishes](Self::publish) what it loaded and each commit, and [doubts](Self::mark_stale) it when the row may have moved on.
#[derive(Debug)]
pub struct SnapshotCache {
    shards: Vec<RwLock<HashMap<PayoutId, CachedSnapshot>>>,
    hasher: RandomState,
    distrusted: AtomicBool,
    watchers: Arc<Subscriptions>,
}

/// What is known of a live payout.
#[derive(Debug, Default)]
struct CachedSnapshot {
    /// The newest snapshot anybody has seen. Nobody is shown an older one afterwards.
    newest: Option<Arc<Snapshot>>,
    /// Whether the actor says that this is what the row says.
    current: bool,
}

impl CachedSnapshot {
    fn advance(&mut self, snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        let newest = self.newest.get_or_insert_with(|| Arc::clone(&snapshot));
        if newest.version < snapshot.version {
            *newest = snapshot;
        }
        Arc::clone(newest)
    }
}

impl Default for SnapshotCache {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            hasher: RandomState::new(),
            distrusted: AtomicBool::new(false),
            watchers: Arc::default(),
        }
    }
}

impl SnapshotCache {
    fn shard(&self, id: PayoutId) -> &RwLock<HashMap<PayoutId, CachedSnapshot>> {
        let hash = self.hasher.hash_one(id) % (SHARDS as u64);
        &self.shards[usize::try_from(hash).unwrap_or(0)]
    }

    /// From now on nothing is shown: another process may be writing.
    pub fn disable(&self) {
        self.distrusted.store(true, Ordering::SeqCst);
    }

    /// Doubts everything known so far, and from now on shows what is published.
    pub fn reset(&self) {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.values_mut().for_each(|shown| shown.current = false);
        }
        self.distrusted.store(false, Ordering::SeqCst);
    }

    fn write(&self, id: PayoutId) -> RwLockWriteGuard<'_, HashMap<PayoutId, CachedSnapshot>> {
        self.shard(id).write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest committed snapshot, while the payout's actor is live and sure of it, and no other process could have
    /// written.
    #[must_use]
    pub fn get(&self, id: PayoutId) -> Option<Arc<Snapshot>> {
        if self.distrusted.load(Ordering::SeqCst) {
            return None;
        }
        let shard = self.shard(id).read().unwrap_or_else(PoisonError::into_inner);
        shard.get(&id).filter(|shown| shown.current)?.newest.clone()
    }

    /// An actor is about to load this payout. What readers find in the database meanwhile is remembered.
    pub fn expect(&self, id: PayoutId) {
        self.write(id).entry(id).or_default();
    }

    /// Those who wait for payouts to move.
    #[must_use]
    pub fn watchers(&self) -> &Arc<Subscriptions> {
        &self.watchers
    }

    /// Makes a committed snapshot visible, and tells those who wait for it. An older one than is known changes nothing.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        self.publish_changes(snapshot, &[]);
    }

    /// The same, with the changes that the newest commit made.
    pub fn publish_changes(&self, snapshot: Arc<Snapshot>, changes: &[Change]) {
        let id = snapshot.payout.id;
        let newest = {
            let mut shard = self.write(id);
            let shown = shard.entry(id).or_default();
            shown.current = true;
            shown.advance(snapshot)
        };
        // Only now: whoever is told and reads again must not see less.
        self.watchers.notify(&newest, changes);
    }

    /// The row may have moved on: until the actor publishes again, the database is asked.
    pub fn mark_stale(&self, id: PayoutId) {
        if let Some(shown) = self.write(id).get_mut(&id) {
            shown.current = false;
        }
    }

    /// The newer of `stored` and what the actor, if any, has published; and sees to it that no later
    /// [`get`](Self::get) shows anything older.
    #[must_use]
    pub fn newest(&self, stored: Arc<Snapshot>) -> Arc<Snapshot> {
        let id = stored.payout.id;
        match self.write(id).get_mut(&id) {
            None => stored,
            Some(shown) => shown.advance(stored),
        }
    }

    /// Forgets a payout whose actor stopped: from now on the database is asked.
    pub fn remove(&self, id: PayoutId) {
        self.write(id).remove(&id);
    }
}
