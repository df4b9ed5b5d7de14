//! Which deliveries of a channel are settled, and what may be acknowledged together.

use std::collections::{BTreeMap, BTreeSet};

/// The settled deliveries of one channel, whose tags count up from 1. `A` is what acknowledges one of them.
#[derive(Debug)]
pub(super) struct Ledger<A> {
    /// Everything up to here is acknowledged, but for the stragglers.
    up_to: u64,
    /// Settled, and not acknowledged yet.
    beyond: BTreeMap<u64, A>,
    /// Passed over and not settled yet. While there are any, nothing may be acknowledged for another. At most as many as
    /// the broker hands out unacknowledged.
    stragglers: BTreeSet<u64>,
}

/// One acknowledgement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Acknowledgement<A> {
    /// Of the last message it is for.
    pub(super) acker: A,
    /// For how many it is. More than one: for everything up to that message.
    pub(super) messages: u64,
}

impl<A> Default for Ledger<A> {
    fn default() -> Self {
        Self { up_to: 0, beyond: BTreeMap::new(), stragglers: BTreeSet::new() }
    }
}

impl<A> Ledger<A> {
    /// Notes a delivery as settled.
    pub(super) fn settle(&mut self, tag: u64, acker: A) {
        self.beyond.insert(tag, acker);
    }

    /// Whether something settled is not acknowledged.
    pub(super) fn holds_some(&self) -> bool {
        !self.beyond.is_empty()
    }

    /// What is settled with nothing unsettled ahead of it, and what others have passed over.
    pub(super) fn in_turn(&mut self) -> Vec<Acknowledgement<A>> {
        let mut alone = Vec::new();
        let mut together: Option<Acknowledgement<A>> = None;
        while let Some(first) = self.beyond.first_entry() {
            let tag = *first.key();
            if tag > self.up_to + 1 {
                break;
            }
            let acker = first.remove();
            self.up_to = self.up_to.max(tag);
            if self.stragglers.remove(&tag) || !self.stragglers.is_empty() {
                alone.push(Acknowledgement { acker, messages: 1 });
            } else {
                let messages = together.map_or(0, |before| before.messages) + 1;
                together = Some(Acknowledgement { acker, messages });
            }
        }
        alone.extend(together);
        alone
    }

    /// All that is settled. Whoever is passed over is acknowledged alone, once it is settled.
    pub(super) fn all(&mut self) -> Vec<Acknowledgement<A>> {
        let mut acknowledgements = self.in_turn();
        for (tag, acker) in std::mem::take(&mut self.beyond) {
            self.stragglers.extend(self.up_to + 1..tag);
            self.up_to = tag;
            acknowledgements.push(Acknowledgement { acker, messages: 1 });
        }
        acknowledgements
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn settle(ledger: &mut Ledger<u64>, tags: impl IntoIterator<Item = u64>) {
        tags.into_iter().for_each(|tag| ledger.settle(tag, tag));
    }

    fn taken(acknowledgements: Vec<Acknowledgement<u64>>) -> Vec<(u64, u64)> {
        acknowledgements.into_iter().map(|each| (each.acker, each.messages)).collect()
    }

    #[test]
    fn what_is_settled_in_a_row_goes_together() {
        let mut ledger = Ledger::default();
        settle(&mut ledger, [2, 1, 3, 5]);
        assert_eq!(taken(ledger.in_turn()), [(3, 3)]);
        assert!(ledger.holds_some());
        assert_eq!(taken(ledger.in_turn()), []);
        settle(&mut ledger, [4]);
        assert_eq!(taken(ledger.in_turn()), [(5, 2)]);
        assert!(!ledger.holds_some());
    }

    #[test]
    fn nothing_is_acknowledged_for_a_straggler() {
        let mut ledger = Ledger::default();
        settle(&mut ledger, [1, 3, 5]);
        assert_eq!(taken(ledger.all()), [(1, 1), (3, 1), (5, 1)]);
        settle(&mut ledger, [6, 7]);
        assert_eq!(taken(ledger.in_turn()), [(6, 1), (7, 1)], "2 and 4 are not settled");
        settle(&mut ledger, [4, 8]);
        assert_eq!(taken(ledger.in_turn()), [(4, 1), (8, 1)], "2 is not settled");
        settle(&mut ledger, [2, 9, 10]);
        assert_eq!(taken(ledger.in_turn()), [(2, 1), (10, 2)], "all of them are");
    }

    proptest! {
        /// In whatever order deliveries are settled and whenever we look: each is acknowledged once it is settled, never
        /// before, and none is left in the end.
        #[test]
        fn each_is_acknowledged_once_settled(
            order in Just((1..=40_u64).collect::<Vec<_>>()).prop_shuffle(),
            looks in prop::collection::vec(0..4_u8, 40),
        ) {
            let mut ledger = Ledger::default();
            let (mut settled, mut acknowledged) = (BTreeSet::new(), BTreeSet::new());
            for (tag, look) in order.into_iter().zip(looks) {
                ledger.settle(tag, tag);
                settled.insert(tag);
                let acknowledgements = match look {
                    0 | 1 => Vec::new(),
                    2 => ledger.in_turn(),
                    _ => ledger.all(),
                };
                for (tag, messages) in taken(acknowledgements) {
                    let from = if messages > 1 { 1 } else { tag };
                    let new = (from..=tag).filter(|tag| acknowledged.insert(*tag)).count();
                    prop_assert_eq!(u64::try_from(new).unwrap(), messages);
                    prop_assert!(acknowledged.is_subset(&settled));
                }
            }
            ledger.all().into_iter().for_each(|each| {
                let from = if each.messages > 1 { 1 } else { each.acker };
                acknowledged.extend(from..=each.acker);
            });
            prop_assert_eq!(acknowledged, settled);
        }
    }
}
