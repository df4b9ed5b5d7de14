//! The rules of the state delivered: the recipient has the funds, and only a reversal leads on.

use super::estimate;
use super::{
    Decision, Delivered, Event, Facts, Failed, IllegalEvent, Refusal, Report, ReportKind, State, Unchanged,
};

impl Delivered {
    /// Decides what `report` changes.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>, report: &Report) -> Decision {
        match &report.kind {
            ReportKind::Broadcast(_) | ReportKind::Progress(_) => Decision::Unchanged(Unchanged::Late),
            ReportKind::Delivered(seen) if seen.transaction.tx_hash == self.tx_hash => {
                Decision::Unchanged(Unchanged::AlreadyKnown)
            }
            ReportKind::Delivered(_) => Decision::Refused(Refusal::DeliveredTwice),
            ReportKind::Failed(seen) if seen.reversal => {
                let at = facts.not_before_last(estimate::report_time(report, facts.now));
                Decision::Apply(vec![Event::failed(at, seen)])
            }
            ReportKind::Failed(_) => Decision::Refused(Refusal::FailedAfterDelivered),
        }
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// Returns `IllegalEvent` if `event` is impossible in this state.
    pub fn apply(self, event: &Event) -> Result<State, IllegalEvent> {
        match event {
            Event::Failed { failure, funds, .. } => Ok(State::Failed(Failed {
                failure: failure.clone(),
                funds: *funds,
                recipient_amount: self.recipient_amount,
                fees_paid_usd: self.fees_paid_usd,
            })),
            Event::Broadcast { .. }
            | Event::TransactionSeen { .. }
            | Event::EstimateMoved { .. }
            | Event::Late
            | Event::Delivered { .. } => Err(IllegalEvent),
        }
    }
}
