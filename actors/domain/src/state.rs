//! The states of a payout, with the data of each. The rules of each state are in a module of its own.

use super::{Amount, Due, FailedFunds, Failure, Status, Timestamp, TxHash, Usd};

/// The state of a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// No transaction is known.
    Pending(Pending),
    /// At least one transaction is out.
    Broadcast(Broadcast),
    /// The recipient has the funds.
    Delivered(Delivered),
    /// The payout will not be delivered.
    Failed(Failed),
}

/// The state before any transaction is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The estimate, and whether it has passed.
    pub due: Due,
}

/// The state between the first transaction and an end state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    /// The estimate, and whether it has passed.
    pub due: Due,
    /// The hash of every transaction seen so far (legs and replacements), oldest first. Never empty.
    pub hashes: Vec<TxHash>,
}

/// The end state of a payout whose recipient has the funds. Only a reversal leads on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The time at which the funds arrived.
    pub at: Timestamp,
    /// The transaction that delivered them.
    pub tx_hash: TxHash,
    /// The amount that arrived, if the watcher reported it.
    pub recipient_amount: Option<Amount>,
    /// The actual cost, if the watcher reported it.
    pub fees_paid_usd: Option<Usd>,
}

/// The end state of a payout that will not be delivered. Nothing leads on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The reason.
    pub failure: Failure,
    /// The location of the funds.
    pub funds: FailedFunds,
    /// The amount that had arrived before a reversal, if known.
    pub recipient_amount: Option<Amount>,
    /// The cost of the reversed delivery, if known.
    pub fees_paid_usd: Option<Usd>,
}

impl State {
    /// The estimate and whether it has passed; `None` in an end state.
    #[must_use]
    pub fn due(&self) -> Option<Due> {
        match self {
            Self::Pending(state) => Some(state.due),
            Self::Broadcast(state) => Some(state.due),
            Self::Delivered(_) | Self::Failed(_) => None,
        }
    }

    /// The status that partners see.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Pending(_) => Status::Pending,
            Self::Broadcast(_) => Status::Broadcast,
            Self::Delivered(_) => Status::Delivered,
            Self::Failed(_) => Status::Failed,
        }
    }
}
