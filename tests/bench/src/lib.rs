//! What the programs that measure have in common.

pub mod reports;

use std::time::Duration;

/// Any error, with its message.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The result of an operation that can fail with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// So many in so much time, as a rate.
#[must_use]
pub fn per_second(count: usize, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of things that were done")]
    let count = count as f64;
    if time.is_zero() { 0.0 } else { count / time.as_secs_f64() }
}

/// The whole part of `count`, which is a small positive number.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "truncates on purpose")]
pub fn truncate_to_usize(count: f64) -> usize {
    count as usize
}

/// Makes sure that there are as many as there should be.
///
/// # Errors
/// Where there are not.
pub fn check_count(what: &str, found: i64, expected: usize) -> Result<()> {
    if usize::try_from(found).is_ok_and(|found| found == expected) {
        return Ok(());
    }
    Err(format!("{what}: {found} where {expected} are due").into())
}
