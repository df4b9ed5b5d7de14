//! The rules of the state failed: the payout will not be delivered, and nothing leads on.

use super::{
    Decision, Event, Facts, Failed, FailedFunds, Failure, IllegalEvent, Refusal, Report, ReportKind, State,
    Unchanged,
};

impl Failed {
    /// A failure without an earlier delivery.
    #[must_use]
    pub fn before_delivery(failure: &Failure, funds: FailedFunds) -> Self {
        Self { failure: failure.clone(), funds, recipient_amount: None, fees_paid_usd: None }
    }

    /// Decides what `report` changes.
    #[must_use]
    pub fn decide(&self, _facts: &Facts<'_>, report: &Report) -> Decision {
        match &report.kind {
            ReportKind::Broadcast(_) => Decision::Refused(Refusal::BroadcastAfterFailed),
            ReportKind::Progress(_) => Decision::Unchanged(Unchanged::Late),
            ReportKind::Delivered(_) => Decision::Refused(Refusal::DeliveredAfterFailed),
            ReportKind::Failed(_) => Decision::Unchanged(Unchanged::AlreadyKnown),
        }
    }

    /// No event is possible in this state.
    ///
    /// # Errors
    /// Always returns `IllegalEvent`.
    pub fn apply(self, event: &Event) -> Result<State, IllegalEvent> {
        match event {
            Event::Broadcast { .. }
            | Event::TransactionSeen { .. }
            | Event::EstimateMoved { .. }
            | Event::Late
            | Event::Delivered { .. }
            | Event::Failed { .. } => Err(IllegalEvent),
        }
    }
}
