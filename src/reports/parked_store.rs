//! The store of parked reports: reports whose payout does not exist yet, or is quarantined.

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{PayoutId, ReportKey, Timestamp};

/// A report that waits for its payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedReport {
    /// The payout that the report is for.
    pub payout_id: PayoutId,
    /// Identifies the report: a second report with the same key is not parked again.
    pub key: ReportKey,
    /// The report in `CloudEvents` structured JSON.
    pub body: String,
    /// The W3C trace context of the original message.
    pub traceparent: Option<String>,
    /// The time of parking.
    pub parked_at: Timestamp,
    /// The time from which the report is dead-lettered if its payout still cannot record it.
    pub expires_at: Timestamp,
}

/// Stores parked reports.
#[async_trait]
pub trait ParkedReportStore: Send + Sync + 'static {
    /// Parks a report. Does nothing if it is parked already.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be reached.
    async fn park(&self, report: &ParkedReport) -> Result<(), Unavailable>;

    /// At most `limit` parked reports whose payout exists, oldest first.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be reached.
    async fn claimable(&self, limit: u32) -> Result<Vec<ParkedReport>, Unavailable>;

    /// At most `limit` parked reports that have expired by `now`, oldest first.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be reached.
    async fn expired(&self, now: Timestamp, limit: u32) -> Result<Vec<ParkedReport>, Unavailable>;

    /// Removes a parked report.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be reached.
    async fn unpark(&self, payout_id: PayoutId, key: &ReportKey) -> Result<(), Unavailable>;

    /// The number of parked reports.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be reached.
    async fn parked(&self) -> Result<u64, Unavailable>;
}
