//! How many readers may be kept up to date at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use payoutd_actors::payout::PayoutId;

/// Counts open streams, of all payouts and of each.
#[derive(Debug)]
pub struct Streams {
    open: Mutex<Open>,
    max: usize,
    max_per_payout: usize,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    of: HashMap<PayoutId, usize>,
}

impl Streams {
    /// At most `max` streams, and at most `max_per_payout` of one payout: whoever holds one link cannot take the places of
    /// all others.
    #[must_use]
    pub fn new(max: usize, max_per_payout: usize) -> Self {
        Self { open: Mutex::default(), max, max_per_payout }
    }

    /// A place for one more stream of this payout, given back when dropped; `None` where there is none left.
    #[must_use]
    pub fn open(self: &Arc<Self>, id: PayoutId) -> Option<Stream> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_payout = open.of.get(&id).copied().unwrap_or(0);
        if open.all >= self.max || of_payout >= self.max_per_payout {
            metrics::counter!("payoutd_tracking_streams_refused_total").increment(1);
            return None;
        }
        open.all += 1;
        open.of.insert(id, of_payout + 1);
        metrics::gauge!("payoutd_tracking_streams").increment(1.0);
        Some(Stream { id, streams: Arc::clone(self) })
    }
}

/// One open stream's place.
#[derive(Debug)]
pub struct Stream {
    id: PayoutId,
    streams: Arc<Streams>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        match open.of.get_mut(&self.id) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => {
                open.of.remove(&self.id);
            }
        }
        metrics::gauge!("payoutd_tracking_streams").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use payoutd_actors::testing::sample;

    #[test]
    fn places_are_limited_and_come_back() {
        let streams = Arc::new(Streams::new(3, 2));
        let first = streams.open(sample::id(1)).unwrap();
        let second = streams.open(sample::id(1)).unwrap();
        assert!(streams.open(sample::id(1)).is_none(), "no third of one payout");
        let third = streams.open(sample::id(2)).unwrap();
        assert!(streams.open(sample::id(3)).is_none(), "no fourth at all");
        drop(first);
        let again = streams.open(sample::id(3)).unwrap();
        drop((second, third, again));
        let open = streams.open.lock().unwrap();
        assert_eq!((open.all, open.of.len()), (0, 0));
    }
}
