//! Pauses between tries: they double up to a cap, and are scattered so that many who failed together do not come
//! back together.

use std::time::Duration;

/// The pauses of one that keeps trying.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    first: Duration,
    cap: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap, next: first }
    }

    /// The pause before the next try: between half of what is due and all of it.
    pub(crate) fn pause(&mut self) -> Duration {
        let due = self.next;
        self.next = (due * 2).min(self.cap);
        due / 2 + (due / 2).mul_f64(f64::from(random()) / f64::from(u32::MAX))
    }

    /// It went well: the next pause is a short one again.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

fn random() -> u32 {
    // Without randomness the pauses are merely not scattered.
    getrandom::u32().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_cap_and_start_over() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        for due in [100, 200, 400, 800, 1_000, 1_000] {
            let due = Duration::from_millis(due);
            let pause = backoff.pause();
            assert!(due / 2 <= pause && pause <= due, "{pause:?} of {due:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= Duration::from_millis(100));
    }
}
