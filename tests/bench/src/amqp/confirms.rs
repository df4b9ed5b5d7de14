//! Which of the messages that were published on a link are confirmed.

use std::collections::BTreeSet;

/// Messages are numbered from 1, and confirmed one by one or all up to a number.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// All up to here are.
    floor: u64,
    /// And these beyond it.
    above: BTreeSet<u64>,
}

impl Tally {
    pub(super) fn note(&mut self, tag: u64, multiple: bool) {
        if multiple {
            self.floor = self.floor.max(tag);
            self.above = self.above.split_off(&(self.floor + 1));
        } else if tag > self.floor {
            self.above.insert(tag);
        }
        while self.above.remove(&(self.floor + 1)) {
            self.floor += 1;
        }
    }

    /// How many.
    pub(crate) fn confirmed(&self) -> u64 {
        self.floor + self.above.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_counts_once_however_it_is_confirmed() {
        let mut tally = Tally::default();
        for (tag, multiple, confirmed) in
            [(2, false, 1), (1, false, 2), (5, false, 3), (4, true, 5), (4, false, 5), (9, true, 9)]
        {
            tally.note(tag, multiple);
            assert_eq!(tally.confirmed(), confirmed);
        }
    }
}
