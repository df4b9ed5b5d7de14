//! The estimated delivery time.
//!
//! `estimated_seconds` of a report counts from the time of the report; without it, the figures of the route apply.
//! The report with the newest time wins, so an old report that arrives late never moves the estimate back.

use serde::{Deserialize, Serialize};

use super::{ProgressReport, Report, ReportKind, Timestamp};

/// The estimate of a payout in flight, and whether it has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The estimate.
    pub estimate: Estimate,
    /// Whether it is recorded that the estimated time has passed.
    pub late: bool,
}

impl Due {
    /// Replaces the estimate by `moved`, if any. A late payout stays late if the new estimated time has passed by
    /// `recorded_at` too.
    #[must_use]
    pub fn after(self, moved: Option<Estimate>, recorded_at: Timestamp) -> Self {
        let estimate = moved.unwrap_or(self.estimate);
        let late = self.late && (moved.is_none() || estimate.delivery_at <= recorded_at);
        Self { estimate, late }
    }

    /// The value after a report that changed nothing visible. If the report repeats the estimated time with a newer
    /// report time, the newer time is kept. `full_seconds` is the time to delivery from the current state.
    #[must_use]
    pub fn refreshed(self, report: &Report, recorded_at: Timestamp, full_seconds: u32) -> Self {
        let ReportKind::Progress(seen) = &report.kind else { return self };
        let time = report_time(report, recorded_at);
        match self.estimate.moved_by_progress(seen, time, full_seconds) {
            Some(estimate) if estimate.delivery_at == self.estimate.delivery_at => Self { estimate, ..self },
            Some(_) | None => self,
        }
    }

    /// Whether the estimated time has passed and that is not recorded yet.
    #[must_use]
    pub fn passed(self, now: Timestamp) -> bool {
        !self.late && self.estimate.delivery_at <= now
    }
}

/// The most seconds that the time of a report may be ahead of the clock of this process.
pub const CLOCK_TOLERANCE_SECONDS: u32 = 300;

/// The estimated delivery time, and the time of the report that it is based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimated delivery time.
    pub delivery_at: Timestamp,
    /// The time of the report ([`Timestamp::EPOCH`] before any report).
    pub as_of: Timestamp,
}

impl Estimate {
    /// The estimate of the quote. It is older than every report, so that any report replaces it.
    #[must_use]
    pub fn at_creation(created_at: Timestamp, estimated_seconds: u32) -> Self {
        Self { delivery_at: created_at.plus_seconds(estimated_seconds), as_of: Timestamp::EPOCH }
    }

    /// The estimate of a report of the time `as_of`: delivery `seconds` later.
    #[must_use]
    pub fn counted_from(as_of: Timestamp, seconds: u32) -> Self {
        Self { delivery_at: as_of.plus_seconds(seconds), as_of }
    }

    /// Returns `other` if it replaces this estimate; `None` if it is older or equal. An estimate of the same delivery
    /// time with a newer report time does replace it, so that no report of a time in between wins over it.
    #[must_use]
    pub fn moved_by(self, other: Self) -> Option<Self> {
        (other.as_of >= self.as_of && other != self).then_some(other)
    }

    /// Like [`moved_by`](Self::moved_by), with the estimate of a progress report of the time `time`. `full_seconds` is the
    /// time to delivery from the current state.
    #[must_use]
    pub fn moved_by_progress(
        self,
        seen: &ProgressReport,
        time: Timestamp,
        full_seconds: u32,
    ) -> Option<Self> {
        let seconds = remaining_seconds(seen, full_seconds)?;
        self.moved_by(Self::counted_from(time, seconds))
    }
}

/// The time of a report. A time more than [`CLOCK_TOLERANCE_SECONDS`] ahead of `now` is replaced by `now`: otherwise it
/// would win over every later report.
#[must_use]
pub fn report_time(report: &Report, now: Timestamp) -> Timestamp {
    if report.time > now.plus_seconds(CLOCK_TOLERANCE_SECONDS) { now } else { report.time }
}

/// The remaining seconds of a progress report: its `estimated_seconds`, or the share of `full_seconds` that corresponds
/// to the missing confirmations. `None` if it has neither.
#[must_use]
pub fn remaining_seconds(progress: &ProgressReport, full_seconds: u32) -> Option<u32> {
    if progress.estimated_seconds.is_some() {
        return progress.estimated_seconds;
    }
    let (seen, required) = (progress.confirmations?, progress.required_confirmations.filter(|r| *r > 0)?);
    let missing = u64::from(required.saturating_sub(seen));
    u32::try_from((u64::from(full_seconds) * missing).div_ceil(u64::from(required))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    #[test]
    fn only_a_newer_estimate_replaces_the_current_one() {
        let known = Estimate::counted_from(at(100), 20);
        assert_eq!(known.moved_by(Estimate::counted_from(at(99), 500)), None);
        assert_eq!(known.moved_by(known), None);
        let newer = Estimate::counted_from(at(101), 5);
        assert_eq!(known.moved_by(newer), Some(newer));
    }

    #[test]
    fn a_repeated_delivery_time_still_advances_the_report_time() {
        let known = Estimate::counted_from(at(100), 20);
        let confirmed = known.moved_by(Estimate::counted_from(at(110), 10)).unwrap();
        assert_eq!(confirmed.delivery_at, known.delivery_at);
        assert_eq!(confirmed.moved_by(Estimate::counted_from(at(105), 500)), None);
    }

    #[test]
    fn confirmations_reduce_the_remaining_seconds() {
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
