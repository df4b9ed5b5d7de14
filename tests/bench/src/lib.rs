//! What the programs that measure have in common.

pub mod reports;

use std::time::Duration;

/// What went wrong, for people.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A result of something that can go wrong.
pub type Fallible<T> = Result<T, Failure>;

/// A failure with these words.
#[must_use]
pub fn failure(words: &str) -> Failure {
    words.into()
}

/// So many in so much time, as a rate.
#[must_use]
pub fn per_second(count: usize, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of things that were done")]
    let count = count as f64;
    if time.is_zero() { 0.0 } else { count / time.as_secs_f64() }
}

/// Makes sure that there are as many as there should be.
///
/// # Errors
/// Where there are not.
pub fn same(what: &str, found: i64, expected: usize) -> Fallible<()> {
    if usize::try_from(found).is_ok_and(|found| found == expected) {
        return Ok(());
    }
    Err(format!("{what}: {found} where {expected} are due").into())
}
