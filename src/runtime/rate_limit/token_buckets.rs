//! Token buckets by key.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::rate::{Level, Rate, whole_seconds};

/// The most keys with a bucket of their own. All further keys share one bucket.
const MAX_BUCKETS: usize = 10_000;
/// The shortest time between two purges of a full map, so that not every new key scans the whole map.
const PURGE_INTERVAL: Duration = Duration::from_secs(1);

/// One token bucket per key. A new bucket is full.
#[derive(Debug)]
pub struct TokenBuckets<K> {
    rate: Rate,
    map: Mutex<BucketMap<K>>,
}

#[derive(Debug)]
struct BucketMap<K> {
    /// The key `None` is the bucket that all keys beyond [`MAX_BUCKETS`] share.
    buckets: HashMap<Option<K>, Bucket>,
    purged_at: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    updated_at: Instant,
}

impl<K: Hash + Eq + Copy> TokenBuckets<K> {
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { rate, map: Mutex::new(BucketMap { buckets: HashMap::new(), purged_at: None }) }
    }

    #[must_use]
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes a token if there is one. Returns whether there was one, and the level after it.
    pub fn try_take(&self, key: K) -> (bool, Level) {
        let mut map = self.lock();
        let bucket = self.bucket(&mut map, key);
        let allowed = bucket.tokens >= 1.0;
        if allowed {
            bucket.tokens -= 1.0;
        }
        (allowed, self.level(*bucket))
    }

    /// The level of a key's bucket. Takes no token.
    pub fn peek(&self, key: K) -> Level {
        let buckets = &self.lock().buckets;
        let bucket = buckets.get(&Some(key)).or_else(|| {
            let is_full = buckets.len() >= MAX_BUCKETS;
            is_full.then(|| buckets.get(&None)).flatten()
        });
        self.level(bucket.map_or_else(|| self.full_bucket(), |bucket| self.refilled(*bucket)))
    }

    fn lock(&self) -> MutexGuard<'_, BucketMap<K>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The refilled bucket of `key`, or the shared bucket if the map is full.
    fn bucket<'a>(&self, map: &'a mut BucketMap<K>, key: K) -> &'a mut Bucket {
        let mut key = Some(key);
        if map.buckets.len() >= MAX_BUCKETS && !map.buckets.contains_key(&key) {
            self.purge(map);
            if map.buckets.len() >= MAX_BUCKETS {
                key = None;
            }
        }
        let bucket = map.buckets.entry(key).or_insert_with(|| self.full_bucket());
        *bucket = self.refilled(*bucket);
        bucket
    }

    /// Removes full buckets: a full bucket equals a new one.
    fn purge(&self, map: &mut BucketMap<K>) {
        if map.purged_at.is_none_or(|last| last.elapsed() >= PURGE_INTERVAL) {
            let capacity = f64::from(self.rate.burst);
            map.buckets.retain(|_, bucket| self.refilled(*bucket).tokens < capacity);
            map.purged_at = Some(Instant::now());
        }
    }

    fn full_bucket(&self) -> Bucket {
        Bucket { tokens: f64::from(self.rate.burst), updated_at: Instant::now() }
    }

    fn refilled(&self, bucket: Bucket) -> Bucket {
        let now = Instant::now();
        let added = now.saturating_duration_since(bucket.updated_at).as_secs_f64() * self.rate.per_second;
        Bucket { tokens: (bucket.tokens + added).min(f64::from(self.rate.burst)), updated_at: now }
    }

    fn level(&self, bucket: Bucket) -> Level {
        let seconds_until =
            |tokens: f64| whole_seconds((tokens - bucket.tokens).max(0.0) / self.rate.per_second);
        Level {
            remaining: Duration::try_from_secs_f64(bucket.tokens).map_or(0, |whole| whole.as_secs()),
            retry_after_seconds: seconds_until(1.0).max(1),
            full_after_seconds: seconds_until(f64::from(self.rate.burst)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_empties_and_refills_up_to_its_capacity() {
        let buckets = TokenBuckets::new(Rate { per_second: 2.0, burst: 4 });
        for remaining in [3, 2, 1, 0] {
            let (allowed, level) = buckets.try_take('a');
            assert!(allowed);
            assert_eq!(level.remaining, remaining);
        }
        let empty = Level { remaining: 0, retry_after_seconds: 1, full_after_seconds: 2 };
        assert_eq!(buckets.try_take('a'), (false, empty));
        assert_eq!(buckets.try_take('b').1.remaining, 3, "each key has a bucket of its own");
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(buckets.peek('a').remaining, 1);
        assert!(buckets.try_take('a').0);
        assert!(!buckets.try_take('a').0);
        tokio::time::advance(Duration::from_secs(60)).await;
        let full = Level { remaining: 4, retry_after_seconds: 1, full_after_seconds: 0 };
        assert_eq!(buckets.peek('a'), full, "at most the capacity");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_bucket_states_the_seconds_to_the_next_token() {
        let buckets = TokenBuckets::new(Rate { per_second: 0.1, burst: 1 });
        assert_eq!(buckets.rate().window_seconds(), 10);
        assert!(buckets.try_take(1).0);
        let empty = Level { remaining: 0, retry_after_seconds: 10, full_after_seconds: 10 };
        assert_eq!(buckets.try_take(1), (false, empty));
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_buckets_is_bounded() {
        let buckets = TokenBuckets::new(Rate { per_second: 1.0, burst: 2 });
        for key in 0..30_000 {
            buckets.try_take(key);
        }
        assert!(buckets.lock().buckets.len() <= MAX_BUCKETS + 1);
        assert!(!buckets.try_take(30_000).0, "keys beyond the maximum share one bucket");
        assert_eq!(buckets.peek(30_001).remaining, 0);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(buckets.try_take(30_000).0);
        assert_eq!(buckets.lock().buckets.len(), 1, "full buckets are removed");
    }
}
