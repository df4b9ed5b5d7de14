//! What callers get back: the receipt of a report, and the errors of a report and of a creation.

use payoutd_domain::{Mode, Outcome, PayoutId, Sequence};

use crate::ports::Unavailable;

/// A report's recorded outcome, and the payout's sequence afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The outcome of the report.
    pub outcome: Outcome,
    /// The sequence of the payout's newest change.
    pub sequence: Sequence,
}

/// Why a report has no recorded outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// No payout has this id, so far.
    #[error("no payout has this id")]
    NotFound,
    /// The payout belongs to the other mode: a chain watcher reported on a sandbox payout, or the simulator on a live
    /// one.
    #[error("the payout is a {0} payout")]
    WrongMode(Mode),
    /// The payout's actor failed repeatedly and is not restarted for a while, or the store rejected this report.
    #[error("the payout is quarantined")]
    Quarantined,
    /// The store cannot record the report now. Nothing was acknowledged; try again later.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a payout was not created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// The quote was used by this payout.
    #[error("the quote is used by {0}")]
    QuoteUsed(PayoutId),
    /// The payout may have been created or not. The same call is safe to repeat.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
