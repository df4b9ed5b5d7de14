//! The simulator: plays the chain watchers for sandbox payouts, and for every payout in `payoutd dev`.

mod scenario;
mod simulator;

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{PayoutId, Timestamp};

pub use scenario::{Pace, Step, Subject, plan};
pub use simulator::{Planner, ReportSink, SandboxSink, Simulator};

/// A report the simulator will make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedReport {
    /// Whose payout it speaks of.
    pub payout_id: PayoutId,
    /// Its place in the payout's plan, from 0. Names the report: planning twice makes the same reports.
    pub step: u32,
    /// When it is to be made.
    pub due_at: Timestamp,
    /// The report, in the journal's JSON.
    pub body: String,
}

/// Where planned reports wait for their time.
#[async_trait]
pub trait PlanStore: Send + Sync + 'static {
    /// Keeps a plan. Steps that are planned already stay as they are.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn plan(&self, reports: &[PlannedReport]) -> Result<(), Unavailable>;

    /// At most `limit` reports that are due at `now`, the most overdue first, a payout's in step order.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn due_reports(&self, now: Timestamp, limit: u32) -> Result<Vec<PlannedReport>, Unavailable>;

    /// A planned report was made.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn done(&self, payout_id: PayoutId, step: u32) -> Result<(), Unavailable>;
}
