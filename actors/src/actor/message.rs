//! What a payout actor is told.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::reply::{Receipt, ReportError};
use payoutd_domain::{Mode, Report};

/// What a payout actor is told.
#[derive(Debug)]
pub enum PayoutMessage {
    /// A watcher reported.
    Report {
        /// The mode the report's source speaks for.
        mode: Mode,
        /// The report.
        report: Arc<Report>,
        /// The W3C trace context it came with.
        traceparent: Option<Arc<str>>,
        /// Told once the outcome is committed.
        reply: oneshot::Sender<Result<Receipt, ReportError>>,
    },
    /// The estimated delivery time may have passed.
    DuePassed {
        /// Told once that is committed, or turned out not to be so.
        reply: oneshot::Sender<Result<(), ReportError>>,
    },
}

impl PayoutMessage {
    /// Answers without the payout having been asked.
    pub fn refuse(self, error: ReportError) {
        // Whoever asked may have stopped waiting.
        match self {
            Self::Report { reply, .. } => drop(reply.send(Err(error))),
            Self::DuePassed { reply } => drop(reply.send(Err(error))),
        }
    }
}
