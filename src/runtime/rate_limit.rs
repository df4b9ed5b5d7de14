//! Slows down those who ask too often: buckets of tokens, one for each of them, of which there are never too many.
//!
//! A bucket of our own rather than a crate's: partners are told what is left in it, strangers are counted only after
//! they were wrong, and whatever anybody sends, the memory taken has a limit without a task that sweeps it.

mod failed_attempts;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub use failed_attempts::FailedAttempts;

/// The most that are counted apart; all further ones share one bucket.
const MAX_BUCKETS: usize = 10_000;
/// How long to leave a full shelf as it is.
const TIDY_EVERY: Duration = Duration::from_secs(1);

/// How fast a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Tokens that come back each second.
    pub per_second: f64,
    /// The most there are at once, at least 1.
    pub burst: u32,
}

impl Rate {
    /// How long an empty bucket takes to fill, in seconds, rounded up.
    #[must_use]
    pub fn window_seconds(&self) -> u64 {
        seconds_up(f64::from(self.burst) / self.per_second)
    }
}

/// What is in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Whole tokens.
    pub left: u64,
    /// How long until there is one more than there is now, where there is none. In seconds, rounded up, at least 1.
    pub next_seconds: u64,
    /// How long until it is full, in seconds, rounded up.
    pub full_seconds: u64,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

/// Buckets by key.
#[derive(Debug)]
pub struct TokenBuckets<K> {
    rate: Rate,
    of: Mutex<BucketMap<K>>,
}

#[derive(Debug)]
struct BucketMap<K> {
    /// `None` is the bucket that all those share for whom there is no room.
    buckets: HashMap<Option<K>, Bucket>,
    /// When it was last tidied: a crowd of newcomers must not make each of them look through everything.
    tidied: Option<Instant>,
}

impl<K: Hash + Eq + Copy> TokenBuckets<K> {
    /// Buckets that begin full.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { rate, of: Mutex::new(BucketMap { buckets: HashMap::new(), tidied: None }) }
    }

    /// How fast they fill, and how much each holds.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes a token where there is one, and says whether there was, and what is left.
    pub fn take(&self, key: K) -> (bool, Level) {
        let mut shelf = self.shelf();
        let bucket = self.entry(&mut shelf, key);
        let enough = bucket.left >= 1.0;
        if enough {
            bucket.left -= 1.0;
        }
        (enough, self.level(*bucket))
    }

    /// What is left, without taking any.
    pub fn look(&self, key: K) -> Level {
        let buckets = &self.shelf().buckets;
        let known = buckets.get(&Some(key)).or_else(|| {
            let full = buckets.len() >= MAX_BUCKETS;
            full.then(|| buckets.get(&None)).flatten()
        });
        self.level(known.map_or_else(|| self.full(), |bucket| self.refilled(*bucket)))
    }

    fn shelf(&self) -> MutexGuard<'_, BucketMap<K>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bucket of `key` as it is now, or the one it shares.
    fn entry<'a>(&self, shelf: &'a mut BucketMap<K>, key: K) -> &'a mut Bucket {
        let mut key = Some(key);
        if shelf.buckets.len() >= MAX_BUCKETS && !shelf.buckets.contains_key(&key) {
            self.tidy(shelf);
            if shelf.buckets.len() >= MAX_BUCKETS {
                key = None;
            }
        }
        let bucket = shelf.buckets.entry(key).or_insert_with(|| self.full());
        *bucket = self.refilled(*bucket);
        bucket
    }

    /// Forgets full buckets, which say nothing.
    fn tidy(&self, shelf: &mut BucketMap<K>) {
        if shelf.tidied.is_none_or(|last| last.elapsed() >= TIDY_EVERY) {
            let most = f64::from(self.rate.burst);
            shelf.buckets.retain(|_, bucket| self.refilled(*bucket).left < most);
            shelf.tidied = Some(Instant::now());
        }
    }

    fn full(&self) -> Bucket {
        Bucket { left: f64::from(self.rate.burst), at: Instant::now() }
    }

    fn refilled(&self, bucket: Bucket) -> Bucket {
        let now = Instant::now();
        let come = now.saturating_duration_since(bucket.at).as_secs_f64() * self.rate.per_second;
        Bucket { left: (bucket.left + come).min(f64::from(self.rate.burst)), at: now }
    }

    fn level(&self, bucket: Bucket) -> Level {
        let missing = |tokens: f64| seconds_up((tokens - bucket.left).max(0.0) / self.rate.per_second);
        Level {
            left: Duration::try_from_secs_f64(bucket.left).map_or(0, |whole| whole.as_secs()),
            next_seconds: missing(1.0).max(1),
            full_seconds: missing(f64::from(self.rate.burst)),
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shelf().buckets.len()
    }
}

/// Whole seconds, rounded up.
fn seconds_up(seconds: f64) -> u64 {
    Duration::try_from_secs_f64(seconds.ceil()).map_or(u64::from(u32::MAX), |whole| whole.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_empties_and_fills() {
        let buckets = TokenBuckets::new(Rate { per_second: 2.0, burst: 4 });
        for left in [3, 2, 1, 0] {
            let (enough, level) = buckets.take('a');
            assert!(enough);
            assert_eq!(level.left, left);
        }
        let (enough, level) = buckets.take('a');
        assert_eq!((enough, level), (false, Level { left: 0, next_seconds: 1, full_seconds: 2 }));
        assert_eq!(buckets.take('b').1.left, 3, "another's is its own");
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(buckets.look('a').left, 1);
        assert!(buckets.take('a').0);
        assert!(!buckets.take('a').0);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(
            buckets.look('a'),
            Level { left: 4, next_seconds: 1, full_seconds: 0 },
            "never over the brim"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_bucket_says_how_long_it_takes() {
        let buckets = TokenBuckets::new(Rate { per_second: 0.1, burst: 1 });
        assert_eq!(buckets.rate().window_seconds(), 10);
        assert!(buckets.take(1).0);
        assert_eq!(buckets.take(1), (false, Level { left: 0, next_seconds: 10, full_seconds: 10 }));
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_never_too_many() {
        let buckets = TokenBuckets::new(Rate { per_second: 1.0, burst: 2 });
        for key in 0..30_000 {
            buckets.take(key);
        }
        assert!(buckets.len() <= MAX_BUCKETS + 1);
        assert!(!buckets.take(30_000).0, "those for whom there is no room share one");
        assert_eq!(buckets.look(30_001).left, 0);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(buckets.take(30_000).0);
        assert_eq!(buckets.len(), 1, "those who stopped are forgotten");
    }
}
