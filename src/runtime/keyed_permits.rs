//! How many requests may be held open at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// The names of the metrics that tell of a kind of places.
#[derive(Debug, Clone, Copy)]
pub struct PermitMetrics {
    /// A gauge: how many are taken.
    pub taken: &'static str,
    /// A counter: how often there was none.
    pub refused: &'static str,
}

/// Places to be taken, so many altogether and so many by one: whoever holds one key or link cannot take the places of all
/// others.
#[derive(Debug)]
pub struct KeyedPermits<K> {
    taken: Mutex<Taken<K>>,
    max: usize,
    max_of_one: usize,
    metrics: PermitMetrics,
}

#[derive(Debug)]
struct Taken<K> {
    all: usize,
    of: HashMap<K, usize>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitReached {
    /// All are taken.
    #[error("all places are taken")]
    AtAll,
    /// This one has taken as many as it may.
    #[error("it has as many places as one may have")]
    ForThisOne,
}

impl<K: Copy + Eq + Hash> KeyedPermits<K> {
    /// At most `max` places, and at most `max_of_one` for one key.
    #[must_use]
    pub fn new(max: usize, max_of_one: usize, metrics: PermitMetrics) -> Self {
        Self { taken: Mutex::new(Taken { all: 0, of: HashMap::new() }), max, max_of_one, metrics }
    }

    /// Takes a place, which is given back when it is dropped.
    ///
    /// # Errors
    /// Where there is none left.
    pub fn take(self: &Arc<Self>, key: K) -> Result<Permit<K>, LimitReached> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_key = taken.of.get(&key).copied().unwrap_or(0);
        let refused = |why| {
            metrics::counter!(self.metrics.refused).increment(1);
            Err(why)
        };
        if of_key >= self.max_of_one {
            return refused(LimitReached::ForThisOne);
        }
        if taken.all >= self.max {
            return refused(LimitReached::AtAll);
        }
        taken.all += 1;
        taken.of.insert(key, of_key + 1);
        metrics::gauge!(self.metrics.taken).increment(1.0);
        Ok(Permit { key, places: Arc::clone(self) })
    }
}

/// A place that is taken.
#[derive(Debug)]
pub struct Permit<K: Copy + Eq + Hash> {
    key: K,
    places: Arc<KeyedPermits<K>>,
}

impl<K: Copy + Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        match taken.of.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => {
                taken.of.remove(&self.key);
            }
        }
        metrics::gauge!(self.places.metrics.taken).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_and_come_back() {
        let metrics = PermitMetrics { taken: "test_places", refused: "test_places_refused_total" };
        let places = Arc::new(KeyedPermits::new(3, 2, metrics));
        let first = places.take(1).unwrap();
        let second = places.take(1).unwrap();
        assert_eq!(places.take(1).err(), Some(LimitReached::ForThisOne));
        let third = places.take(2).unwrap();
        assert_eq!(places.take(3).err(), Some(LimitReached::AtAll));
        drop(first);
        let again = places.take(3).unwrap();
        drop((second, third, again));
        let taken = places.taken.lock().unwrap();
        assert_eq!((taken.all, taken.of.len()), (0, 0));
    }
}
