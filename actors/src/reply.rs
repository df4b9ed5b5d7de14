//! What callers get back: the receipt of a report, and why a report or a creation has none.

use payoutd_domain::{Mode, Outcome, PayoutId, Sequence};

use crate::ports::Unavailable;

/// A report's recorded outcome, and the payout's sequence afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// What was decided.
    pub outcome: Outcome,
    /// The newest change partners can see.
    pub sequence: Sequence,
}

/// Why a report has no recorded outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// No such payout (yet).
    #[error("no payout has this id")]
    NotFound,
    /// The payout belongs to the other mode: a chain watcher spoke of a sandbox payout, or the simulator of a real one.
    #[error("the payout is a {0} payout")]
    WrongMode(Mode),
    /// The payout's actor failed again and again and is left alone for a while, or the store refused this very report.
    #[error("the payout is quarantined")]
    Quarantined,
    /// The store cannot record it now. Nothing was acknowledged; try again later.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a payout was not created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// The quote backs this payout already.
    #[error("the quote is used by {0}")]
    QuoteUsed(PayoutId),
    /// Nothing happened, or the same call is safe to repeat.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
