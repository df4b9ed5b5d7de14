//! The chain simulator: reports like a chain watcher on sandbox payouts, and in `payoutd dev` on every payout.

mod scenario;
mod simulator;

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{PayoutId, Timestamp};

pub use scenario::{Pace, Step, Subject, plan};
pub use simulator::{Planner, ReportSink, SandboxSink, Simulator};

/// A report that the simulator makes at a given time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedReport {
    /// The payout that the report is for.
    pub payout_id: PayoutId,
    /// The position in the payout's plan, from 0. Identifies the report: a second plan has the same reports.
    pub step: u32,
    /// The time at which the report is made.
    pub due_at: Timestamp,
    /// The report, in the journal's JSON.
    pub body: String,
}

/// Stores planned reports until they are made.
#[async_trait]
pub trait PlanStore: Send + Sync + 'static {
    /// Stores a plan. Steps that are stored already do not change.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be reached.
    async fn insert_plan(&self, reports: &[PlannedReport]) -> Result<(), Unavailable>;

    /// At most `limit` reports that are due at `now`, the most overdue first. Those of one payout are in step order.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be reached.
    async fn due_reports(&self, now: Timestamp, limit: u32) -> Result<Vec<PlannedReport>, Unavailable>;

    /// Removes a planned report that was made.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be reached.
    async fn mark_reported(&self, payout_id: PayoutId, step: u32) -> Result<(), Unavailable>;
}
