//! Delivered: the recipient has the funds. Only a reversal leads on.

use super::estimate;
use super::{
    Amount, Decision, DeliveredReport, Event, Facts, Failed, IllegalEvent, Refusal, Report, ReportKind,
    State, Timestamp, TxHash, Unchanged, Usd,
};

/// The good end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// When the funds arrived.
    pub at: Timestamp,
    /// The transaction that delivered them.
    pub tx_hash: TxHash,
    /// What actually arrived, where the watcher said.
    pub recipient_amount: Option<Amount>,
    /// What it actually cost, where the watcher said.
    pub fees_paid_usd: Option<Usd>,
}

impl Delivered {
    /// The event that a report of delivery makes.
    #[must_use]
    pub fn event(at: Timestamp, seen: &DeliveredReport) -> Event {
        Event::Delivered {
            at,
            transaction: seen.transaction.clone(),
            recipient_amount: seen.recipient_amount,
            fees_paid_usd: seen.fees_paid_usd,
        }
    }

    /// What `report` means now.
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
                Decision::Apply(vec![Failed::event(at, seen)])
            }
            ReportKind::Failed(_) => Decision::Refused(Refusal::FailedAfterDelivered),
        }
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// Where `event` cannot happen here: the journal does not belong to this payout.
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
