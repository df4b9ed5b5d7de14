//! Those who wait for a payout to move. They cost nothing until it does: no polling, no query, no actor.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use payoutd_domain::{Change, PayoutId, Sequence, Snapshot};

const SHARDS: usize = 64;

/// How many changes are kept at hand for whoever is a little behind.
const MAX_KEPT_CHANGES: usize = 16;

type Latest = watch::Sender<Option<PayoutUpdate>>;

/// What happened to a payout while it was watched.
#[derive(Debug, Clone)]
pub struct PayoutUpdate {
    /// The payout as of its newest commit.
    pub snapshot: Arc<Snapshot>,
    /// The last changes, oldest first, as far as they are at hand.
    changes: Vec<Change>,
}

impl PayoutUpdate {
    fn of(snapshot: &Arc<Snapshot>, changes: &[Change]) -> Self {
        Self { snapshot: Arc::clone(snapshot), changes: changes.to_vec() }
    }

    fn take_in(&mut self, snapshot: &Arc<Snapshot>, changes: &[Change]) {
        self.snapshot = Arc::clone(snapshot);
        self.changes.extend_from_slice(changes);
        let excess = self.changes.len().saturating_sub(MAX_KEPT_CHANGES);
        self.changes.drain(..excess);
    }

    /// Every change after `sequence`, oldest first; `None` where one is not at hand any more: the journal has them all.
    #[must_use]
    pub fn after(&self, sequence: Sequence) -> Option<Vec<Change>> {
        let mut wanted: Vec<_> = Vec::new();
        for change in self.changes.iter().filter(|change| change.sequence() > sequence) {
            let before = wanted.last().map_or(sequence, Change::sequence);
            if change.sequence() != before.next() {
                return None;
            }
            wanted.push(change.clone());
        }
        let reached = wanted.last().map_or(sequence, Change::sequence);
        (reached == self.snapshot.sequence.max(sequence)).then_some(wanted)
    }
}

/// Who waits for which payout.
#[derive(Debug)]
pub struct Subscriptions {
    shards: Vec<Mutex<HashMap<PayoutId, Latest>>>,
    hasher: RandomState,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }
}

impl Subscriptions {
    fn shard(&self, id: PayoutId) -> MutexGuard<'_, HashMap<PayoutId, Latest>> {
        let hash = self.hasher.hash_one(id) % (SHARDS as u64);
        self.shards[usize::try_from(hash).unwrap_or(0)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a payout from now on, whether or not it exists. Read the payout only afterwards: then nothing can happen
    /// in between unseen.
    #[must_use]
    pub fn watch(self: &Arc<Self>, id: PayoutId) -> Subscription {
        let latest = self.shard(id).entry(id).or_default().subscribe();
        Subscription { id, latest, watchers: Arc::clone(self) }
    }

    /// Tells whoever watches this payout, with the changes that its newest commit made.
    pub fn notify(&self, snapshot: &Arc<Snapshot>, changes: &[Change]) {
        if let Some(latest) = self.shard(snapshot.payout.id).get(&snapshot.payout.id) {
            latest.send_if_modified(|known| {
                match known {
                    None => *known = Some(PayoutUpdate::of(snapshot, changes)),
                    Some(known) if known.snapshot.version < snapshot.version => {
                        known.take_in(snapshot, changes)
                    }
                    Some(_) => return false,
                }
                true
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
pub struct Subscription {
    id: PayoutId,
    latest: watch::Receiver<Option<PayoutUpdate>>,
    watchers: Arc<Subscriptions>,
}

impl Subscription {
    /// Waits until the payout has moved past `sequence`, and returns it as it is then.
    pub async fn moved_past(&mut self, sequence: Sequence) -> Arc<Snapshot> {
        self.news_past(sequence).await.snapshot
    }

    /// How many payouts are watched altogether.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.watchers.watched()
    }

    /// The same, with the changes on the way, as far as they are at hand.
    pub async fn news_past(&mut self, sequence: Sequence) -> PayoutUpdate {
        let moved =
            |latest: &Option<PayoutUpdate>| latest.as_ref().is_some_and(|n| n.snapshot.sequence > sequence);
        let found = match self.latest.wait_for(moved).await {
            Ok(latest) => latest.clone(),
            Err(_) => None,
        };
        match found {
            Some(news) => news,
            // The sender lives as long as a watch does; were it gone, nothing would ever move.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Subscription {
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
    use crate::testing::sample;
    use payoutd_domain::{Change, ChangeKind, Payout, Version};

    fn at(sequence: i64) -> Arc<Snapshot> {
        let mut snapshot = Payout::new(Arc::new(sample::payout(1))).snapshot();
        snapshot.sequence = Sequence(sequence);
        snapshot.version = Version(sequence);
        Arc::new(snapshot)
    }

    #[tokio::test]
    async fn a_watch_sees_the_newest_change_and_leaves_nothing_behind() {
        let watchers = Arc::new(Subscriptions::default());
        let id = at(1).payout.id;
        let mut watch = watchers.watch(id);
        let mut other = watchers.watch(id);
        watchers.notify(&at(3), &[]);
        watchers.notify(&at(2), &[]);
        assert_eq!(watch.moved_past(Sequence(1)).await.sequence, Sequence(3));
        assert_eq!(other.moved_past(Sequence(2)).await.sequence, Sequence(3));
        let waiting = tokio::spawn(async move { watch.moved_past(Sequence(3)).await.sequence });
        watchers.notify(&at(4), &[]);
        assert_eq!(waiting.await.unwrap(), Sequence(4));
        drop(other);
        assert_eq!(watchers.watched(), 0);
    }

    #[tokio::test]
    async fn changes_are_at_hand_without_gaps_or_not_at_all() {
        let change = |sequence| Change {
            recorded_at: sample::at(sequence),
            kind: ChangeKind::Updated,
            previous_status: None,
            snapshot: at(sequence),
        };
        let watchers = Arc::new(Subscriptions::default());
        let mut watch = watchers.watch(at(1).payout.id);
        let after = |news: &PayoutUpdate, sequence| {
            let changes = news.after(Sequence(sequence));
            changes.map(|changes| changes.iter().map(|change| change.sequence().0).collect::<Vec<_>>())
        };
        watchers.notify(&at(3), &[change(2), change(3)]);
        watchers.notify(&at(4), &[change(4)]);
        let news = watch.news_past(Sequence(1)).await;
        assert_eq!(after(&news, 1), Some(vec![2, 3, 4]));
        assert_eq!(after(&news, 3), Some(vec![4]));
        assert_eq!(after(&news, 4), Some(vec![]));
        assert_eq!(after(&news, 0), None, "the first was not watched");
        // A commit whose outcome was unknown is seen without its changes.
        watchers.notify(&at(5), &[]);
        assert_eq!(after(&watch.news_past(Sequence(4)).await, 4), None);
        watchers.notify(&at(6), &[change(6)]);
        let news = watch.news_past(Sequence(5)).await;
        assert_eq!((after(&news, 4), after(&news, 5)), (None, Some(vec![6])));
        for sequence in 7..=40 {
            watchers.notify(&at(sequence), &[change(sequence)]);
        }
        let news = watch.news_past(Sequence(39)).await;
        assert_eq!((after(&news, 6), after(&news, 24).map(|changes| changes.len())), (None, Some(16)));
    }
}
