//! Subscriptions to the changes of a payout, for long polls and event streams. An idle subscription costs no query, no
//! polling and no actor.

use std::sync::Arc;

use payoutd_domain::{Change, PayoutId, Sequence, Snapshot};
use tokio::sync::watch;

use super::sharded_map::ShardedMap;

/// The number of recent changes kept for subscribers that lag behind.
const MAX_KEPT_CHANGES: usize = 16;

type Latest = watch::Sender<Option<PayoutUpdate>>;

/// What has happened to a payout since it was subscribed to.
#[derive(Debug, Clone)]
pub struct PayoutUpdate {
    /// The payout as of its newest commit.
    pub snapshot: Arc<Snapshot>,
    /// The most recent changes, oldest first, at most [`MAX_KEPT_CHANGES`].
    changes: Vec<Change>,
}

impl PayoutUpdate {
    fn new(snapshot: &Arc<Snapshot>, changes: &[Change]) -> Self {
        Self { snapshot: Arc::clone(snapshot), changes: changes.to_vec() }
    }

    fn extend(&mut self, snapshot: &Arc<Snapshot>, changes: &[Change]) {
        self.snapshot = Arc::clone(snapshot);
        self.changes.extend_from_slice(changes);
        let excess = self.changes.len().saturating_sub(MAX_KEPT_CHANGES);
        self.changes.drain(..excess);
    }

    /// Every change after `sequence`, oldest first; `None` if one of them is no longer kept. The journal has them all.
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

/// All subscriptions, by payout.
#[derive(Debug, Default)]
pub struct Subscriptions {
    payouts: ShardedMap<PayoutId, Latest>,
}

impl Subscriptions {
    /// Subscribes to a payout, whether or not it exists. Read the payout afterwards, so that no change in between is
    /// missed.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>, id: PayoutId) -> Subscription {
        let latest = self.payouts.write(&id).entry(id).or_default().subscribe();
        Subscription { id, latest, subscriptions: Arc::clone(self) }
    }

    /// Notifies the subscribers of this payout of its newest commit and the changes made by it.
    pub fn notify(&self, snapshot: &Arc<Snapshot>, changes: &[Change]) {
        let id = snapshot.payout.id;
        if let Some(latest) = self.payouts.read(&id).get(&id) {
            latest.send_if_modified(|known| {
                match known {
                    None => *known = Some(PayoutUpdate::new(snapshot, changes)),
                    Some(known) if known.snapshot.version < snapshot.version => {
                        known.extend(snapshot, changes)
                    }
                    Some(_) => return false,
                }
                true
            });
        }
    }

    /// The number of payouts that have a subscriber.
    #[must_use]
    pub fn subscribed_payouts(&self) -> usize {
        self.payouts.len()
    }
}

/// A subscription to one payout. It ends when dropped.
#[derive(Debug)]
pub struct Subscription {
    id: PayoutId,
    latest: watch::Receiver<Option<PayoutUpdate>>,
    subscriptions: Arc<Subscriptions>,
}

impl Subscription {
    /// Waits until the sequence of the payout exceeds `sequence`, and returns its snapshot.
    pub async fn moved_past(&mut self, sequence: Sequence) -> Arc<Snapshot> {
        self.update_past(sequence).await.snapshot
    }

    /// The number of payouts that have a subscriber, this one included.
    #[must_use]
    pub fn subscribed_payouts(&self) -> usize {
        self.subscriptions.subscribed_payouts()
    }

    /// Waits until the sequence of the payout exceeds `sequence`, and returns its snapshot with the kept changes.
    pub async fn update_past(&mut self, sequence: Sequence) -> PayoutUpdate {
        let moved = |latest: &Option<PayoutUpdate>| {
            latest.as_ref().is_some_and(|update| update.snapshot.sequence > sequence)
        };
        let found = match self.latest.wait_for(moved).await {
            Ok(latest) => latest.clone(),
            Err(_) => None,
        };
        match found {
            Some(update) => update,
            // Unreachable while the map holds the sender, which it does as long as a subscription exists.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut shard = self.subscriptions.payouts.write(&self.id);
        // The last subscription removes the entry; its own receiver is still counted.
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
    async fn a_subscription_returns_the_newest_snapshot_and_is_removed_when_dropped() {
        let subscriptions = Arc::new(Subscriptions::default());
        let id = at(1).payout.id;
        let mut subscription = subscriptions.subscribe(id);
        let mut other = subscriptions.subscribe(id);
        subscriptions.notify(&at(3), &[]);
        subscriptions.notify(&at(2), &[]);
        assert_eq!(subscription.moved_past(Sequence(1)).await.sequence, Sequence(3));
        assert_eq!(other.moved_past(Sequence(2)).await.sequence, Sequence(3));
        let waiting = tokio::spawn(async move { subscription.moved_past(Sequence(3)).await.sequence });
        subscriptions.notify(&at(4), &[]);
        assert_eq!(waiting.await.unwrap(), Sequence(4));
        drop(other);
        assert_eq!(subscriptions.subscribed_payouts(), 0);
    }

    #[tokio::test]
    async fn kept_changes_are_returned_without_gaps_or_not_at_all() {
        let change = |sequence| Change {
            recorded_at: sample::at(sequence),
            kind: ChangeKind::Updated,
            previous_status: None,
            snapshot: at(sequence),
        };
        let subscriptions = Arc::new(Subscriptions::default());
        let mut subscription = subscriptions.subscribe(at(1).payout.id);
        let after = |update: &PayoutUpdate, sequence| {
            let changes = update.after(Sequence(sequence));
            changes.map(|changes| changes.iter().map(|change| change.sequence().0).collect::<Vec<_>>())
        };
        subscriptions.notify(&at(3), &[change(2), change(3)]);
        subscriptions.notify(&at(4), &[change(4)]);
        let update = subscription.update_past(Sequence(1)).await;
        assert_eq!(after(&update, 1), Some(vec![2, 3, 4]));
        assert_eq!(after(&update, 3), Some(vec![4]));
        assert_eq!(after(&update, 4), Some(vec![]));
        assert_eq!(after(&update, 0), None, "the first change precedes the subscription");
        // After a commit with an unknown outcome, the snapshot is published without its changes.
        subscriptions.notify(&at(5), &[]);
        assert_eq!(after(&subscription.update_past(Sequence(4)).await, 4), None);
        subscriptions.notify(&at(6), &[change(6)]);
        let update = subscription.update_past(Sequence(5)).await;
        assert_eq!((after(&update, 4), after(&update, 5)), (None, Some(vec![6])));
        for sequence in 7..=40 {
            subscriptions.notify(&at(sequence), &[change(sequence)]);
        }
        let update = subscription.update_past(Sequence(39)).await;
        assert_eq!((after(&update, 6), after(&update, 24).map(|changes| changes.len())), (None, Some(16)));
    }
}
