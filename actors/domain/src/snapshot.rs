//! The snapshot of a payout as of one sequence number.

use std::sync::Arc;

use serde::Serialize;

use super::{
    Amount, FailedFunds, Failure, Network, NewPayout, Refusal, Sequence, State, Status, Timestamp, TxHash,
    Usd, Version,
};

/// One entry in the timeline of a payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// The sequence number of the change.
    pub sequence: Sequence,
    /// The status after the change.
    pub status: Status,
    /// The time of the change.
    pub at: Timestamp,
    /// The transaction, if there is one.
    pub tx_hash: Option<TxHash>,
    /// The chain, if there is one.
    pub network: Option<Network>,
    /// Whether the change was inferred from a later report and not reported itself.
    pub inferred: bool,
}

/// The location of the funds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FundsLocation {
    /// With the sender: no transaction is known.
    Sender,
    /// In transit: at least one transaction is out.
    InTransit,
    /// With the recipient.
    Recipient,
    /// Back with the sender.
    Returned,
    /// The location is not known.
    Unknown,
}

/// The location of the funds, and whether a second payout could pay twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Funds {
    /// The location of the funds.
    pub location: FundsLocation,
    /// True only if the payout has failed and a watcher reported that the funds never left or came back.
    pub safe_to_retry: bool,
}

/// A payout as of one sequence number: everything that a poll, a stream, a webhook or a message contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The data that never change.
    pub payout: Arc<NewPayout>,
    /// The version of the newest journal entry.
    pub version: Version,
    /// The sequence number of the newest change.
    pub sequence: Sequence,
    /// The state.
    pub state: State,
    /// The timeline, oldest entry first.
    pub timeline: Vec<TimelineEntry>,
    /// The reason why an operator should review the payout, if there is one. It is never shown to partners.
    pub attention: Option<Refusal>,
}

impl Snapshot {
    /// The status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// The estimated delivery time; the actual one after delivery; `None` after a failure.
    #[must_use]
    pub fn estimated_delivery_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Pending(state) => Some(state.due.estimate.delivery_at),
            State::Broadcast(state) => Some(state.due.estimate.delivery_at),
            State::Delivered(state) => Some(state.at),
            State::Failed(_) => None,
        }
    }

    /// Whether it is recorded that the estimated delivery time passed before an end state.
    #[must_use]
    pub fn late(&self) -> bool {
        self.state.due().is_some_and(|due| due.late)
    }

    /// The fees: as quoted, until the actual amount is known.
    #[must_use]
    pub fn fees_paid_usd(&self) -> Usd {
        let actual = match &self.state {
            State::Pending(_) | State::Broadcast(_) => None,
            State::Delivered(state) => state.fees_paid_usd,
            State::Failed(state) => state.fees_paid_usd,
        };
        actual.unwrap_or(self.payout.terms.fee_total)
    }

    /// The amount for the recipient: as quoted, until the actual amount is known.
    #[must_use]
    pub fn final_recipient_amount(&self) -> Amount {
        let actual = match &self.state {
            State::Pending(_) | State::Broadcast(_) => None,
            State::Delivered(state) => state.recipient_amount,
            State::Failed(state) => state.recipient_amount,
        };
        actual.unwrap_or(self.payout.terms.recipient_gets)
    }

    /// The location of the funds, and whether a second payout could pay twice.
    #[must_use]
    pub fn funds(&self) -> Funds {
        let (location, safe_to_retry) = match &self.state {
            State::Pending(_) => (FundsLocation::Sender, false),
            State::Broadcast(_) => (FundsLocation::InTransit, false),
            State::Delivered(_) => (FundsLocation::Recipient, false),
            State::Failed(state) => match state.funds {
                FailedFunds::NotSent => (FundsLocation::Sender, true),
                FailedFunds::Returned => (FundsLocation::Returned, true),
                FailedFunds::Unknown => (FundsLocation::Unknown, false),
            },
        };
        Funds { location, safe_to_retry }
    }

    /// The reason of the failure; `None` unless the payout has failed.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match &self.state {
            State::Pending(_) | State::Broadcast(_) | State::Delivered(_) => None,
            State::Failed(state) => Some(&state.failure),
        }
    }
}
