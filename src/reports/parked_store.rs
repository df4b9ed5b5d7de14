//! Reports that came before their payout.

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{PayoutId, ReportKey, Timestamp};

/// A report that waits for its payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedReport {
    /// Whose payout it waits for.
    pub payout_id: PayoutId,
    /// The report's own identity: the same report is parked once.
    pub key: ReportKey,
    /// The report as it came, in `CloudEvents` structured JSON.
    pub body: String,
    /// The W3C trace context it came with.
    pub traceparent: Option<String>,
    /// When it was parked.
    pub parked_at: Timestamp,
    /// When waiting ends, and it is dead-lettered.
    pub expires_at: Timestamp,
}

/// Where reports wait for their payouts.
#[async_trait]
pub trait ParkedReportStore: Send + Sync + 'static {
    /// Parks a report. One that is parked already stays as it is.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn park(&self, report: &ParkedReport) -> Result<(), Unavailable>;

    /// At most `limit` parked reports whose payout exists by now, oldest first.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn claimable(&self, limit: u32) -> Result<Vec<ParkedReport>, Unavailable>;

    /// At most `limit` parked reports whose waiting ended at `now`, oldest first.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn expired(&self, now: Timestamp, limit: u32) -> Result<Vec<ParkedReport>, Unavailable>;

    /// A parked report is dealt with.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn unpark(&self, payout_id: PayoutId, key: &ReportKey) -> Result<(), Unavailable>;

    /// How many reports are parked.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn parked(&self) -> Result<u64, Unavailable>;
}
