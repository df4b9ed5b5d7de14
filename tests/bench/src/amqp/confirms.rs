//! Tracks which published messages the broker has confirmed.

use std::collections::BTreeSet;

/// Messages are numbered from 1. The broker confirms one message, or all messages up to a number.
#[derive(Debug, Default)]
pub(crate) struct ConfirmTracker {
    /// All messages up to this number are confirmed.
    contiguous: u64,
    /// Confirmed messages beyond `contiguous`.
    out_of_order: BTreeSet<u64>,
}

impl ConfirmTracker {
    pub(super) fn record(&mut self, tag: u64, multiple: bool) {
        if multiple {
            self.contiguous = self.contiguous.max(tag);
            self.out_of_order = self.out_of_order.split_off(&(self.contiguous + 1));
        } else if tag > self.contiguous {
            self.out_of_order.insert(tag);
        }
        while self.out_of_order.remove(&(self.contiguous + 1)) {
            self.contiguous += 1;
        }
    }

    /// The number of confirmed messages.
    pub(crate) fn confirmed(&self) -> u64 {
        self.contiguous + self.out_of_order.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_counts_once_for_single_and_multiple_confirms() {
        let mut tracker = ConfirmTracker::default();
        for (tag, multiple, confirmed) in
            [(2, false, 1), (1, false, 2), (5, false, 3), (4, true, 5), (4, false, 5), (9, true, 9)]
        {
            tracker.record(tag, multiple);
            assert_eq!(tracker.confirmed(), confirmed);
        }
    }
}
