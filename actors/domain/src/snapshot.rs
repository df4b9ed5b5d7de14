//! What a partner may see of a payout, as of one sequence.

use std::sync::Arc;

use serde::Serialize;

use super::{
    Amount, FailedFunds, Failure, Network, NewPayout, Refusal, Sequence, State, Status, Timestamp, TxHash,
    Usd, Version,
};

/// One line of a payout's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// The change this line is.
    pub sequence: Sequence,
    /// The status from then on.
    pub status: Status,
    /// When it happened.
    pub at: Timestamp,
    /// The transaction, where there is one.
    pub tx_hash: Option<TxHash>,
    /// The chain, where there is one.
    pub network: Option<Network>,
    /// Whether nobody reported it and it follows from a later report.
    pub inferred: bool,
}

/// Where the money is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FundsLocation {
    /// With the sender: nothing left yet.
    Sender,
    /// On its way.
    InTransit,
    /// With the recipient.
    Recipient,
    /// Back with the sender.
    Returned,
    /// Nobody can say yet.
    Unknown,
}

/// Where the money is, and whether paying again could pay twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Funds {
    /// Where the money is.
    pub location: FundsLocation,
    /// True only once the payout failed and a watcher said the funds never left or came back.
    pub safe_to_retry: bool,
}

/// A payout as of one sequence: everything a poll, a stream, a webhook or a message shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// What never changes.
    pub payout: Arc<NewPayout>,
    /// The journal's version this is of.
    pub version: Version,
    /// The change this is of.
    pub sequence: Sequence,
    /// Where it is on its road.
    pub state: State,
    /// Its history, oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// Why operators should look at it, if they should. Partners never see this.
    pub attention: Option<Refusal>,
}

impl Snapshot {
    /// The status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// When the funds should arrive; when they did, once delivered; `None` once failed.
    #[must_use]
    pub fn estimated_delivery_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Pending(state) => Some(state.due.estimate.delivery_at),
            State::Broadcast(state) => Some(state.due.estimate.delivery_at),
            State::Delivered(state) => Some(state.at),
            State::Failed(_) => None,
        }
    }

    /// Whether the estimate has passed without an end state.
    #[must_use]
    pub fn late(&self) -> bool {
        self.state.due().is_some_and(|due| due.late)
    }

    /// What it cost: as quoted, until the actual figure is known.
    #[must_use]
    pub fn fees_paid_usd(&self) -> Usd {
        let actual = match &self.state {
            State::Pending(_) | State::Broadcast(_) => None,
            State::Delivered(state) => state.fees_paid_usd,
            State::Failed(state) => state.fees_paid_usd,
        };
        actual.unwrap_or(self.payout.terms.fee_total)
    }

    /// What the recipient gets: as quoted, until the actual figure is known.
    #[must_use]
    pub fn final_recipient_amount(&self) -> Amount {
        let actual = match &self.state {
            State::Pending(_) | State::Broadcast(_) => None,
            State::Delivered(state) => state.recipient_amount,
            State::Failed(state) => state.recipient_amount,
        };
        actual.unwrap_or(self.payout.terms.recipient_gets)
    }

    /// Where the money is.
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

    /// Why it failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match &self.state {
            State::Pending(_) | State::Broadcast(_) | State::Delivered(_) => None,
            State::Failed(state) => Some(&state.failure),
        }
    }
}
