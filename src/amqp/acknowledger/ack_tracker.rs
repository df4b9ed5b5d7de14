//! Tracks which deliveries of a channel are processed, and which acknowledgements cover them.

use std::collections::{BTreeMap, BTreeSet};

/// The processed deliveries of one channel. Delivery tags count up from 1. `A` acknowledges one delivery.
#[derive(Debug)]
pub(super) struct AckTracker<A> {
    /// Every delivery up to this tag is acknowledged, except those in `skipped_tags`.
    acked_through: u64,
    /// Processed, and not acknowledged yet.
    pending: BTreeMap<u64, A>,
    /// Not processed, although a later delivery is acknowledged. While this set is not empty, each acknowledgement
    /// covers one delivery only. The set never exceeds the prefetch limit.
    skipped_tags: BTreeSet<u64>,
}

/// One acknowledgement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ack<A> {
    /// Acknowledges the last delivery that is covered.
    pub(super) acker: A,
    /// The number of deliveries covered. More than 1 means every unacknowledged delivery up to the last one.
    pub(super) deliveries: u64,
}

impl<A> Default for AckTracker<A> {
    fn default() -> Self {
        Self { acked_through: 0, pending: BTreeMap::new(), skipped_tags: BTreeSet::new() }
    }
}

impl<A> AckTracker<A> {
    pub(super) fn mark_processed(&mut self, tag: u64, acker: A) {
        self.pending.insert(tag, acker);
    }

    /// Whether a processed delivery is not acknowledged yet.
    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Takes the processed deliveries before the first unprocessed one, and those that were skipped earlier.
    pub(super) fn take_contiguous(&mut self) -> Vec<Ack<A>> {
        let mut single = Vec::new();
        let mut multiple: Option<Ack<A>> = None;
        while let Some(first) = self.pending.first_entry() {
            let tag = *first.key();
            if tag > self.acked_through + 1 {
                break;
            }
            let acker = first.remove();
            self.acked_through = self.acked_through.max(tag);
            if self.skipped_tags.remove(&tag) || !self.skipped_tags.is_empty() {
                single.push(Ack { acker, deliveries: 1 });
            } else {
                let deliveries = multiple.map_or(0, |previous| previous.deliveries) + 1;
                multiple = Some(Ack { acker, deliveries });
            }
        }
        single.extend(multiple);
        single
    }

    /// Takes all processed deliveries. Unprocessed deliveries before the last of them are skipped.
    pub(super) fn take_all(&mut self) -> Vec<Ack<A>> {
        let mut acks = self.take_contiguous();
        for (tag, acker) in std::mem::take(&mut self.pending) {
            self.skipped_tags.extend(self.acked_through + 1..tag);
            self.acked_through = tag;
            acks.push(Ack { acker, deliveries: 1 });
        }
        acks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mark_processed(tracker: &mut AckTracker<u64>, tags: impl IntoIterator<Item = u64>) {
        tags.into_iter().for_each(|tag| tracker.mark_processed(tag, tag));
    }

    fn pairs(acks: Vec<Ack<u64>>) -> Vec<(u64, u64)> {
        acks.into_iter().map(|ack| (ack.acker, ack.deliveries)).collect()
    }

    #[test]
    fn contiguous_processed_deliveries_share_one_acknowledgement() {
        let mut tracker = AckTracker::default();
        mark_processed(&mut tracker, [2, 1, 3, 5]);
        assert_eq!(pairs(tracker.take_contiguous()), [(3, 3)]);
        assert!(tracker.has_pending());
        assert_eq!(pairs(tracker.take_contiguous()), []);
        mark_processed(&mut tracker, [4]);
        assert_eq!(pairs(tracker.take_contiguous()), [(5, 2)]);
        assert!(!tracker.has_pending());
    }

    #[test]
    fn no_acknowledgement_covers_a_skipped_delivery() {
        let mut tracker = AckTracker::default();
        mark_processed(&mut tracker, [1, 3, 5]);
        assert_eq!(pairs(tracker.take_all()), [(1, 1), (3, 1), (5, 1)]);
        mark_processed(&mut tracker, [6, 7]);
        assert_eq!(pairs(tracker.take_contiguous()), [(6, 1), (7, 1)], "2 and 4 are not processed");
        mark_processed(&mut tracker, [4, 8]);
        assert_eq!(pairs(tracker.take_contiguous()), [(4, 1), (8, 1)], "2 is not processed");
        mark_processed(&mut tracker, [2, 9, 10]);
        assert_eq!(pairs(tracker.take_contiguous()), [(2, 1), (10, 2)], "all are processed");
    }

    proptest! {
        /// For any order of processing and any times of acknowledging, each delivery is acknowledged exactly once,
        /// after it is processed.
        #[test]
        fn each_delivery_is_acknowledged_once_after_it_is_processed(
            order in Just((1..=40_u64).collect::<Vec<_>>()).prop_shuffle(),
            actions in prop::collection::vec(0..4_u8, 40),
        ) {
            let mut tracker = AckTracker::default();
            let (mut processed, mut acknowledged) = (BTreeSet::new(), BTreeSet::new());
            for (tag, action) in order.into_iter().zip(actions) {
                tracker.mark_processed(tag, tag);
                processed.insert(tag);
                let acks = match action {
                    0 | 1 => Vec::new(),
                    2 => tracker.take_contiguous(),
                    _ => tracker.take_all(),
                };
                for (tag, deliveries) in pairs(acks) {
                    let from = if deliveries > 1 { 1 } else { tag };
                    let new = (from..=tag).filter(|tag| acknowledged.insert(*tag)).count();
                    prop_assert_eq!(u64::try_from(new).unwrap(), deliveries);
                    prop_assert!(acknowledged.is_subset(&processed));
                }
            }
            tracker.take_all().into_iter().for_each(|ack| {
                let from = if ack.deliveries > 1 { 1 } else { ack.acker };
                acknowledged.extend(from..=ack.acker);
            });
            prop_assert_eq!(acknowledged, processed);
        }
    }
}
