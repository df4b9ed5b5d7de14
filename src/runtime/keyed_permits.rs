//! A limit on concurrent operations, in total and per key.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// The names of the metrics of one set of permits.
#[derive(Debug, Clone, Copy)]
pub struct PermitMetrics {
    /// A gauge: permits in use.
    pub in_use: &'static str,
    /// A counter: requests for a permit that were rejected.
    pub rejected: &'static str,
}

/// Permits with a total limit and a limit per key, so that one API key or one payout cannot use all of them.
#[derive(Debug)]
pub struct KeyedPermits<K> {
    in_use: Mutex<InUse<K>>,
    max: usize,
    max_per_key: usize,
    metrics: PermitMetrics,
}

#[derive(Debug)]
struct InUse<K> {
    total: usize,
    by_key: HashMap<K, usize>,
}

/// The limit that rejected a request for a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitReached {
    #[error("all permits are in use")]
    Total,
    #[error("all permits of this key are in use")]
    PerKey,
}

impl<K: Copy + Eq + Hash> KeyedPermits<K> {
    #[must_use]
    pub fn new(max: usize, max_per_key: usize, metrics: PermitMetrics) -> Self {
        let in_use = Mutex::new(InUse { total: 0, by_key: HashMap::new() });
        Self { in_use, max, max_per_key, metrics }
    }

    /// Acquires a permit, which is released when it is dropped.
    ///
    /// # Errors
    /// Returns the limit that is reached.
    pub fn try_acquire(self: &Arc<Self>, key: K) -> Result<Permit<K>, LimitReached> {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let of_key = in_use.by_key.get(&key).copied().unwrap_or(0);
        let rejected = |limit| {
            metrics::counter!(self.metrics.rejected).increment(1);
            Err(limit)
        };
        if of_key >= self.max_per_key {
            return rejected(LimitReached::PerKey);
        }
        if in_use.total >= self.max {
            return rejected(LimitReached::Total);
        }
        in_use.total += 1;
        in_use.by_key.insert(key, of_key + 1);
        metrics::gauge!(self.metrics.in_use).increment(1.0);
        Ok(Permit { key, permits: Arc::clone(self) })
    }
}

/// Released when it is dropped.
#[derive(Debug)]
pub struct Permit<K: Copy + Eq + Hash> {
    key: K,
    permits: Arc<KeyedPermits<K>>,
}

impl<K: Copy + Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut in_use = self.permits.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        in_use.total = in_use.total.saturating_sub(1);
        match in_use.by_key.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => {
                in_use.by_key.remove(&self.key);
            }
        }
        metrics::gauge!(self.permits.metrics.in_use).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_limited_in_total_and_per_key_and_released_on_drop() {
        let metrics = PermitMetrics { in_use: "test_permits", rejected: "test_permits_rejected_total" };
        let permits = Arc::new(KeyedPermits::new(3, 2, metrics));
        let first = permits.try_acquire(1).unwrap();
        let second = permits.try_acquire(1).unwrap();
        assert_eq!(permits.try_acquire(1).err(), Some(LimitReached::PerKey));
        let third = permits.try_acquire(2).unwrap();
        assert_eq!(permits.try_acquire(3).err(), Some(LimitReached::Total));
        drop(first);
        let fourth = permits.try_acquire(3).unwrap();
        drop((second, third, fourth));
        let in_use = permits.in_use.lock().unwrap();
        assert_eq!((in_use.total, in_use.by_key.len()), (0, 0));
    }
}
