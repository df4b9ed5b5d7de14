//! The messages of a payout actor.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::reply::{Receipt, ReportError};
use payoutd_domain::{Mode, Report};

/// A message to a payout actor.
#[derive(Debug)]
pub enum PayoutMessage {
    /// A report on the payout.
    Report {
        /// The mode of the report's source.
        mode: Mode,
        /// The report.
        report: Arc<Report>,
        /// The W3C trace context of the report.
        traceparent: Option<Arc<str>>,
        /// Receives the outcome after it is committed.
        reply: oneshot::Sender<Result<Receipt, ReportError>>,
    },
    /// The estimated delivery time may have passed.
    DuePassed {
        /// Receives `Ok` after lateness is committed, or if the payout is not late.
        reply: oneshot::Sender<Result<(), ReportError>>,
    },
}

impl PayoutMessage {
    /// Replies with an error without processing the message.
    pub fn refuse(self, error: ReportError) {
        // The caller may have stopped waiting.
        match self {
            Self::Report { reply, .. } => drop(reply.send(Err(error))),
            Self::DuePassed { reply } => drop(reply.send(Err(error))),
        }
    }
}
