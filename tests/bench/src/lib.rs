//! Code that the benchmark binaries share.

pub mod reports;

use std::time::Duration;

/// An error with a message.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The rate of `count` operations in `time`, per second; 0 if `time` is zero.
#[must_use]
pub fn per_second(count: usize, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    let count = count as f64;
    if time.is_zero() { 0.0 } else { count / time.as_secs_f64() }
}

/// Truncates a small, non-negative number to an integer.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "truncation is the purpose")]
pub fn truncate_to_usize(count: f64) -> usize {
    count as usize
}

/// Checks that `found` equals `expected`.
///
/// # Errors
/// Returns an error that names `what` if the numbers differ.
pub fn check_count(what: &str, found: i64, expected: usize) -> Result<()> {
    if usize::try_from(found).is_ok_and(|found| found == expected) {
        return Ok(());
    }
    Err(format!("{what}: expected {expected}, found {found}").into())
}
