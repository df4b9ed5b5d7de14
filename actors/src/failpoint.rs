//! Named points at which the process aborts on request, for the crash tests.
//!
//! Without the feature `failpoints`, which is off by default, [`pass`] does nothing. With it, a process started with
//! the environment variable `PAYOUTD_KILL_AT=<name>:<nth>` aborts when it passes the point of that name for the nth
//! time. It flushes and closes nothing.

/// Passes the point called `name`.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn pass(_name: &'static str) {}

/// Passes the point called `name`, and aborts the process if `PAYOUTD_KILL_AT` requests it.
#[cfg(feature = "failpoints")]
pub fn pass(name: &'static str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static TARGET: LazyLock<Option<(String, AtomicU64)>> = LazyLock::new(|| {
        let value = std::env::var("PAYOUTD_KILL_AT").ok()?;
        let (name, nth) = value.rsplit_once(':')?;
        Some((name.to_owned(), AtomicU64::new(nth.parse().ok()?)))
    });
    if let Some((target, left)) = &*TARGET
        && target == name
        && left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        std::process::abort();
    }
}
