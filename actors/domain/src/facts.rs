//! The facts that a decision depends on, besides the state and the report.

use super::{Route, Timestamp};

/// The facts that a decision depends on, besides the state and the report.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The route that the quote locked in.
    pub route: &'a Route,
    /// The time of the newest timeline entry.
    pub last_at: Timestamp,
    /// The time now, by the clock of this process.
    pub now: Timestamp,
}

impl Facts<'_> {
    /// The later of `time` and the newest timeline entry, so that a timeline is always in order.
    #[must_use]
    pub fn not_before_last(&self, time: Timestamp) -> Timestamp {
        time.max(self.last_at)
    }
}
