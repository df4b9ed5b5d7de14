//! The rate of a token bucket, and its level at a moment.

use std::time::Duration;

/// The refill rate and the capacity of a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Tokens added per second.
    pub per_second: f64,
    /// The capacity of the bucket, at least 1.
    pub burst: u32,
}

impl Rate {
    /// The seconds an empty bucket takes to fill, rounded up.
    #[must_use]
    pub fn window_seconds(&self) -> u64 {
        whole_seconds(f64::from(self.burst) / self.per_second)
    }
}

/// The level of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Whole tokens.
    pub remaining: u64,
    /// Seconds until an empty bucket has a token, rounded up, at least 1.
    pub retry_after_seconds: u64,
    /// Seconds until the bucket is full, rounded up.
    pub full_after_seconds: u64,
}

/// Whole seconds, rounded up.
pub(super) fn whole_seconds(seconds: f64) -> u64 {
    Duration::try_from_secs_f64(seconds.ceil()).map_or(u64::from(u32::MAX), |whole| whole.as_secs())
}
