//! Rate limits: one token bucket per key, in bounded memory.
//!
//! No crate offers the three things that are needed here: responses state the remaining tokens, failed attempts are
//! counted after the fact, and memory stays bounded without a task that removes old buckets.

mod failed_attempts;
mod rate;
mod token_buckets;

pub use failed_attempts::FailedAttempts;
pub use rate::{Level, Rate};
pub use token_buckets::TokenBuckets;
