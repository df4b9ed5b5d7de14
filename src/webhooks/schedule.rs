//! The retry schedule that Standard Webhooks recommends. It is part of the partner documentation.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The delay after each failed attempt, before jitter. One more attempt follows the last delay; it is the last attempt.
pub const RETRY_DELAYS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * MINUTE),
    Duration::from_secs(30 * MINUTE),
    Duration::from_secs(2 * HOUR),
    Duration::from_secs(5 * HOUR),
    Duration::from_secs(10 * HOUR),
    Duration::from_secs(14 * HOUR),
    Duration::from_secs(20 * HOUR),
    Duration::from_secs(24 * HOUR),
];

/// The sum of all delays, before jitter: a little over 75 hours.
pub const TOTAL_RETRY_TIME: Duration = Duration::from_secs(75 * HOUR + 35 * MINUTE + 5);

/// The largest jitter, as a fraction of the delay. Jitter spreads the retries of deliveries that failed together.
pub const JITTER: f64 = 0.1;

/// An endpoint that has been failing for this long is disabled at its next failure, regardless of the number of attempts.
/// Longer than the retry schedule of a single delivery.
pub(super) const DISABLE_AFTER: Duration = Duration::from_secs(90 * HOUR);

/// The largest `Retry-After` that is honoured.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(HOUR);

/// The delay after the attempt with this number (from 1) failed; `None` after the last attempt. `random` is in 0..1 and
/// scales the jitter. `retry_after` is the response's `Retry-After`.
pub(super) fn delay_after(attempt: u32, random: f64, retry_after: Option<Duration>) -> Option<Duration> {
    let index = usize::try_from(attempt.checked_sub(1)?).ok()?;
    let delay = RETRY_DELAYS.get(index)?.mul_f64(1.0 + JITTER * random.clamp(0.0, 1.0));
    Some(delay.max(retry_after.unwrap_or_default().min(MAX_RETRY_AFTER)))
}

/// A random number in 0..1.
pub(super) fn random_fraction() -> f64 {
    // If the random generator fails, there is no jitter.
    getrandom::u32().map_or(0.0, |bits| f64::from(bits) / (f64::from(u32::MAX) + 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_retry_schedule_lasts_75_hours() {
        let total: Duration = RETRY_DELAYS.iter().sum();
        assert_eq!(total, TOTAL_RETRY_TIME);
        assert_eq!(total.as_secs() / HOUR, 75);
        assert!(RETRY_DELAYS.is_sorted());
        assert!(TOTAL_RETRY_TIME.mul_f64(1.0 + JITTER) < DISABLE_AFTER);
    }

    #[test]
    fn there_is_no_delay_after_the_last_attempt() {
        assert_eq!(delay_after(0, 0.5, None), None);
        assert_eq!(delay_after(1, 0.0, None), Some(Duration::from_secs(5)));
        assert_eq!(delay_after(9, 0.0, None), Some(Duration::from_secs(24 * HOUR)));
        assert_eq!(delay_after(10, 0.0, None), None);
        assert_eq!(delay_after(u32::MAX, 0.0, None), None);
    }

    #[test]
    fn retry_after_extends_the_delay_up_to_a_maximum() {
        let delay = |seconds| delay_after(1, 0.0, Some(Duration::from_secs(seconds)));
        assert_eq!(delay(1), Some(Duration::from_secs(5)));
        assert_eq!(delay(60), Some(Duration::from_secs(60)));
        assert_eq!(delay(u64::MAX), Some(MAX_RETRY_AFTER));
    }

    proptest! {
        #[test]
        fn jitter_adds_at_most_a_tenth_to_a_delay(fractions in proptest::collection::vec(0.0f64..1.0, 9)) {
            let delays: Vec<_> =
                (1..).zip(&fractions).map_while(|(n, fraction)| delay_after(n, *fraction, None)).collect();
            prop_assert_eq!(delays.len(), 9);
            for (delay, nominal) in delays.iter().zip(RETRY_DELAYS) {
                prop_assert!(*delay >= nominal && *delay <= nominal.mul_f64(1.0 + JITTER));
            }
            let total: Duration = delays.iter().sum();
            prop_assert!(total >= TOTAL_RETRY_TIME && total <= TOTAL_RETRY_TIME.mul_f64(1.0 + JITTER));
        }

        #[test]
        fn a_random_fraction_is_at_least_0_and_below_1(_ in 0..64) {
            prop_assert!((0.0..1.0).contains(&random_fraction()));
        }
    }
}
