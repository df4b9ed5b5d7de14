//! When the recipient can expect the funds.
//!
//! A report's `estimated_seconds` counts from the report's own time; without one, the route's own figures serve.
//! The newest report by time wins, so a late-coming old report never turns the estimate back.

use serde::{Deserialize, Serialize};

use super::{ProgressReport, Report, ReportKind, Timestamp};

/// The estimate of a payout that is under way, and whether it has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// When delivery is expected.
    pub estimate: Estimate,
    /// Whether that time was recorded as passed.
    pub late: bool,
}

impl Due {
    /// What is due once `moved` (if anything) replaces the estimate. A payout that was late stays so where the new
    /// time has passed as well, as of `recorded_at`.
    #[must_use]
    pub fn after(self, moved: Option<Estimate>, recorded_at: Timestamp) -> Self {
        let estimate = moved.unwrap_or(self.estimate);
        let late = self.late && (moved.is_none() || estimate.delivery_at <= recorded_at);
        Self { estimate, late }
    }

    /// What is due after a report that changed nothing partners can see. Where it named the same moment as of a later
    /// time, that time is remembered, with `whole_way` seconds from here to delivery.
    #[must_use]
    pub fn confirmed(self, report: &Report, recorded_at: Timestamp, whole_way: u32) -> Self {
        let ReportKind::Progress(seen) = &report.kind else { return self };
        let time = report_time(report, recorded_at);
        match self.estimate.moved_by_progress(seen, time, whole_way) {
            Some(estimate) if estimate.delivery_at == self.estimate.delivery_at => Self { estimate, ..self },
            Some(_) | None => self,
        }
    }

    /// Whether the time has passed and nobody has said so yet.
    #[must_use]
    pub fn passed(self, now: Timestamp) -> bool {
        !self.late && self.estimate.delivery_at <= now
    }
}

/// How far ahead of our clock a watcher's clock may be, in seconds, before its time is taken as ours.
pub const CLOCK_TOLERANCE_SECONDS: u32 = 300;

/// When delivery is expected, and as of when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// When the funds should arrive.
    pub delivery_at: Timestamp,
    /// The time of the report that said so ([`Timestamp::EPOCH`] before any report).
    pub as_of: Timestamp,
}

impl Estimate {
    /// The quote's own estimate. It is as of before any report, so that every report wins over it.
    #[must_use]
    pub fn at_creation(created_at: Timestamp, estimated_seconds: u32) -> Self {
        Self { delivery_at: created_at.plus_seconds(estimated_seconds), as_of: Timestamp::EPOCH }
    }

    /// The estimate made `as_of`, `seconds` ahead.
    #[must_use]
    pub fn counted_from(as_of: Timestamp, seconds: u32) -> Self {
        Self { delivery_at: as_of.plus_seconds(seconds), as_of }
    }

    /// The estimate that `other` makes of this one: `None` where it is older, or says the same as of the same time.
    /// One that names the same moment as of a later time counts: no report from in between may win over it.
    #[must_use]
    pub fn moved_by(self, other: Self) -> Option<Self> {
        (other.as_of >= self.as_of && other != self).then_some(other)
    }

    /// The estimate that a progress report of `time` makes of this one, by [`moved_by`](Self::moved_by), with
    /// `whole_way` seconds from here to delivery.
    #[must_use]
    pub fn moved_by_progress(self, seen: &ProgressReport, time: Timestamp, whole_way: u32) -> Option<Self> {
        let seconds = remaining_seconds(seen, whole_way)?;
        self.moved_by(Self::counted_from(time, seconds))
    }
}

/// The time a report speaks of. A clock far ahead of ours would win over every honest one for ever, so it is
/// pulled back to `now`.
#[must_use]
pub fn report_time(report: &Report, now: Timestamp) -> Timestamp {
    if report.time > now.plus_seconds(CLOCK_TOLERANCE_SECONDS) { now } else { report.time }
}

/// Seconds left by a progress report's own words, or by its share of confirmations of `whole_way` seconds.
/// `None` where it says nothing about time.
#[must_use]
pub fn remaining_seconds(progress: &ProgressReport, whole_way: u32) -> Option<u32> {
    if progress.estimated_seconds.is_some() {
        return progress.estimated_seconds;
    }
    let (seen, required) = (progress.confirmations?, progress.required_confirmations.filter(|r| *r > 0)?);
    let missing = u64::from(required.saturating_sub(seen));
    u32::try_from((u64::from(whole_way) * missing).div_ceil(u64::from(required))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    #[test]
    fn the_newest_report_wins_and_an_older_one_does_not() {
        let known = Estimate::counted_from(at(100), 20);
        assert_eq!(known.moved_by(Estimate::counted_from(at(99), 500)), None);
        assert_eq!(known.moved_by(known), None);
        let newer = Estimate::counted_from(at(101), 5);
        assert_eq!(known.moved_by(newer), Some(newer));
    }

    #[test]
    fn a_newer_report_of_the_same_moment_wins_over_one_from_in_between() {
        let known = Estimate::counted_from(at(100), 20);
        let confirmed = known.moved_by(Estimate::counted_from(at(110), 10)).unwrap();
        assert_eq!(confirmed.delivery_at, known.delivery_at);
        assert_eq!(confirmed.moved_by(Estimate::counted_from(at(105), 500)), None);
    }

    #[test]
    fn confirmations_shorten_the_way() {
        let mut progress = ProgressReport {
            network: super::super::Network::new("tron"),
            tx_hash: None,
            confirmations: Some(5),
            required_confirmations: Some(20),
            estimated_seconds: None,
            replaced_by: None,
        };
        assert_eq!(remaining_seconds(&progress, 20), Some(15));
        progress.confirmations = Some(30);
        assert_eq!(remaining_seconds(&progress, 20), Some(0));
        progress.required_confirmations = Some(0);
        assert_eq!(remaining_seconds(&progress, 20), None);
        progress.estimated_seconds = Some(7);
        assert_eq!(remaining_seconds(&progress, 20), Some(7));
    }
}
