//! When a failed delivery is tried again: the schedule that Standard Webhooks recommends, published to partners.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// How long to wait after each failed attempt, before jitter. After the last of them there is one attempt more, and
/// then no other.
pub const RETRY_WAITS: [Duration; 9] = [
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

/// All waits together, before jitter: a little over 75 hours.
pub const TOTAL_WAIT: Duration = Duration::from_secs(75 * HOUR + 35 * MINUTE + 5);

/// The most that is added to a wait, as a share of it, so that deliveries that failed together do not come back together.
pub const JITTER: f64 = 0.1;

/// An endpoint that has not succeeded for this long is disabled, however few of its deliveries could be tried. Longer
/// than any single delivery's attempts go on.
pub(super) const PATIENCE: Duration = Duration::from_secs(90 * HOUR);

/// The longest that an endpoint's own `Retry-After` can put an attempt off beyond the schedule.
const LONGEST_ASKED_FOR: Duration = Duration::from_secs(HOUR);

/// How long to wait after the attempt of that number (from 1) failed; `None` after the last. `random` is in 0..1,
/// `asked_for` is what the endpoint asked for.
pub(super) fn wait_after(attempt: u32, random: f64, asked_for: Option<Duration>) -> Option<Duration> {
    let index = usize::try_from(attempt.checked_sub(1)?).ok()?;
    let wait = RETRY_WAITS.get(index)?.mul_f64(1.0 + JITTER * random.clamp(0.0, 1.0));
    Some(wait.max(asked_for.unwrap_or_default().min(LONGEST_ASKED_FOR)))
}

/// A number in 0..1.
pub(super) fn random_share() -> f64 {
    // Without randomness there is no jitter, and nothing else is lost.
    getrandom::u32().map_or(0.0, |bits| f64::from(bits) / (f64::from(u32::MAX) + 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_schedule_lasts_75_hours() {
        let total: Duration = RETRY_WAITS.iter().sum();
        assert_eq!(total, TOTAL_WAIT);
        assert_eq!(total.as_secs() / HOUR, 75);
        assert!(RETRY_WAITS.is_sorted());
        assert!(TOTAL_WAIT.mul_f64(1.0 + JITTER) < PATIENCE);
    }

    #[test]
    fn after_the_last_attempt_there_is_none() {
        assert_eq!(wait_after(0, 0.5, None), None);
        assert_eq!(wait_after(1, 0.0, None), Some(Duration::from_secs(5)));
        assert_eq!(wait_after(9, 0.0, None), Some(Duration::from_secs(24 * HOUR)));
        assert_eq!(wait_after(10, 0.0, None), None);
        assert_eq!(wait_after(u32::MAX, 0.0, None), None);
    }

    #[test]
    fn what_the_endpoint_asks_for_counts_within_reason() {
        let asked = |seconds| wait_after(1, 0.0, Some(Duration::from_secs(seconds)));
        assert_eq!(asked(1), Some(Duration::from_secs(5)));
        assert_eq!(asked(60), Some(Duration::from_secs(60)));
        assert_eq!(asked(u64::MAX), Some(LONGEST_ASKED_FOR));
    }

    proptest! {
        #[test]
        fn jitter_only_lengthens_and_at_most_by_a_tenth(shares in proptest::collection::vec(0.0f64..1.0, 9)) {
            let waits: Vec<_> = (1..).zip(&shares).map_while(|(n, share)| wait_after(n, *share, None)).collect();
            prop_assert_eq!(waits.len(), 9);
            for (wait, nominal) in waits.iter().zip(RETRY_WAITS) {
                prop_assert!(*wait >= nominal && *wait <= nominal.mul_f64(1.0 + JITTER));
            }
            let total: Duration = waits.iter().sum();
            prop_assert!(total >= TOTAL_WAIT && total <= TOTAL_WAIT.mul_f64(1.0 + JITTER));
        }

        #[test]
        fn random_shares_are_shares(_ in 0..64) {
            prop_assert!((0.0..1.0).contains(&random_share()));
        }
    }
}
