//! Failed: the payout will not arrive. Nothing leads on from here.

use super::{
    Amount, Decision, Event, Facts, FailedFunds, FailedReport, Failure, IllegalEvent, Refusal, Report,
    ReportKind, State, Timestamp, Unchanged, Usd,
};

/// The bad end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Why.
    pub failure: Failure,
    /// Where the funds are.
    pub funds: FailedFunds,
    /// What had arrived before a reversal, where known.
    pub recipient_amount: Option<Amount>,
    /// What the reversed delivery cost, where known.
    pub fees_paid_usd: Option<Usd>,
}

impl Failed {
    /// The event that a report of failure makes. Funds nobody speaks of are unknown: never guess about money.
    #[must_use]
    pub fn event(at: Timestamp, seen: &FailedReport) -> Event {
        Event::Failed {
            at,
            failure: Failure { code: seen.code.clone(), message: seen.message.clone() },
            funds: seen.funds.unwrap_or(FailedFunds::Unknown),
            network: seen.network.clone(),
            tx_hash: seen.tx_hash.clone(),
        }
    }

    /// Failed with nothing delivered before.
    #[must_use]
    pub fn before_delivery(failure: &Failure, funds: FailedFunds) -> Self {
        Self { failure: failure.clone(), funds, recipient_amount: None, fees_paid_usd: None }
    }

    /// What `report` means now.
    #[must_use]
    pub fn decide(&self, _facts: &Facts<'_>, report: &Report) -> Decision {
        match &report.kind {
            ReportKind::Broadcast(_) => Decision::Refused(Refusal::BroadcastAfterFailed),
            ReportKind::Progress(_) => Decision::Unchanged(Unchanged::Late),
            ReportKind::Delivered(_) => Decision::Refused(Refusal::DeliveredAfterFailed),
            ReportKind::Failed(_) => Decision::Unchanged(Unchanged::AlreadyKnown),
        }
    }

    /// Nothing follows this state.
    ///
    /// # Errors
    /// Always.
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
