//! The last committed snapshot of every live payout, so that a poll costs no query.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use payoutd_domain::{Change, PayoutId, Snapshot};

use super::sharded_map::ShardedMap;
use super::subscriptions::Subscriptions;

/// Snapshots of live payouts, written by their actors.
///
/// An actor [registers](Self::register) its payout before it loads it, [publishes](Self::publish) what it loaded and
/// the result of each commit, and [marks it stale](Self::mark_stale) when the row may have changed.
#[derive(Debug, Default)]
pub struct SnapshotCache {
    payouts: ShardedMap<PayoutId, CachedSnapshot>,
    disabled: AtomicBool,
    subscriptions: Arc<Subscriptions>,
}

/// The cached state of a live payout.
#[derive(Debug, Default)]
struct CachedSnapshot {
    /// The newest snapshot that any reader has seen. No reader gets an older one afterwards.
    newest: Option<Arc<Snapshot>>,
    /// Whether the actor has confirmed that `newest` equals the row.
    current: bool,
}

impl CachedSnapshot {
    /// Replaces `newest` by `snapshot` if that is newer, and returns the newer of the two.
    fn advance(&mut self, snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        let newest = self.newest.get_or_insert_with(|| Arc::clone(&snapshot));
        if newest.version < snapshot.version {
            *newest = snapshot;
        }
        Arc::clone(newest)
    }
}

impl SnapshotCache {
    /// Returns nothing from memory until [`reset`](Self::reset): another process may be writing to the database.
    pub fn disable(&self) {
        self.disabled.store(true, Ordering::SeqCst);
    }

    /// Marks every snapshot as stale, and returns from memory again what is published from now on.
    pub fn reset(&self) {
        self.payouts.for_each_mut(|cached| cached.current = false);
        self.disabled.store(false, Ordering::SeqCst);
    }

    /// The newest committed snapshot; `None` if the payout has no live actor, its snapshot is stale, or the cache is
    /// disabled.
    #[must_use]
    pub fn get(&self, id: PayoutId) -> Option<Arc<Snapshot>> {
        if self.disabled.load(Ordering::SeqCst) {
            return None;
        }
        self.payouts.read(&id).get(&id).filter(|cached| cached.current)?.newest.clone()
    }

    /// Adds an entry for a payout that an actor is about to load. It records the snapshots that readers load meanwhile.
    pub fn register(&self, id: PayoutId) {
        self.payouts.write(&id).entry(id).or_default();
    }

    /// The subscriptions that [`publish`](Self::publish) notifies.
    #[must_use]
    pub fn subscriptions(&self) -> &Arc<Subscriptions> {
        &self.subscriptions
    }

    /// Makes a committed snapshot visible and notifies its subscriptions. A snapshot older than the cached one changes
    /// nothing.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        self.publish_changes(snapshot, &[]);
    }

    /// Like [`publish`](Self::publish), with the changes made by the newest commit.
    pub fn publish_changes(&self, snapshot: Arc<Snapshot>, changes: &[Change]) {
        let id = snapshot.payout.id;
        let newest = {
            let mut shard = self.payouts.write(&id);
            let cached = shard.entry(id).or_default();
            cached.current = true;
            cached.advance(snapshot)
        };
        // After the update: a subscriber that is notified and reads again must not see an older snapshot.
        self.subscriptions.notify(&newest, changes);
    }

    /// Marks a snapshot as stale, because the row may have changed. Readers query the database until the actor
    /// publishes again.
    pub fn mark_stale(&self, id: PayoutId) {
        if let Some(cached) = self.payouts.write(&id).get_mut(&id) {
            cached.current = false;
        }
    }

    /// Returns the newer of `stored` and the cached snapshot, and ensures that no later [`get`](Self::get) returns an
    /// older one.
    #[must_use]
    pub fn newest(&self, stored: Arc<Snapshot>) -> Arc<Snapshot> {
        let id = stored.payout.id;
        match self.payouts.write(&id).get_mut(&id) {
            None => stored,
            Some(cached) => cached.advance(stored),
        }
    }

    /// Removes a payout whose actor has stopped. Readers query the database from now on.
    pub fn remove(&self, id: PayoutId) {
        self.payouts.write(&id).remove(&id);
    }
}
