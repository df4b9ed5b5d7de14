//! Facts in the journal. Each event is one change a partner can see, so each raises the sequence by one.

use serde::{Deserialize, Serialize};

use super::{Amount, Estimate, FailedFunds, Leg, Network, Timestamp, Transaction, TxHash, Usd};

/// One change of a payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// pending → broadcast.
    Broadcast {
        /// When it happened on chain.
        at: Timestamp,
        /// The first transaction known.
        transaction: Transaction,
        /// Whether nobody reported it and it follows from a delivery.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        inferred: bool,
        /// The estimate from here on, where it moved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        estimate: Option<Estimate>,
    },
    /// A further leg or a replacement appeared while broadcast.
    TransactionSeen {
        /// When it happened on chain.
        at: Timestamp,
        /// The transaction.
        transaction: Transaction,
        /// Which part of the route it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        leg: Option<Leg>,
        /// The estimate from here on, where it moved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        estimate: Option<Estimate>,
    },
    /// The estimated delivery time moved.
    EstimateMoved {
        /// The estimate from here on.
        estimate: Estimate,
    },
    /// The estimated delivery time passed without an end state.
    Late,
    /// → delivered.
    Delivered {
        /// When it happened on chain.
        at: Timestamp,
        /// The transaction that delivered the funds.
        transaction: Transaction,
        /// What actually arrived, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recipient_amount: Option<Amount>,
        /// What it actually cost, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fees_paid_usd: Option<Usd>,
    },
    /// → failed.
    Failed {
        /// When it happened.
        at: Timestamp,
        /// Why.
        failure: Failure,
        /// Where the funds are.
        funds: FailedFunds,
        /// The chain it failed on, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        network: Option<Network>,
        /// The transaction that failed, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tx_hash: Option<TxHash>,
    },
}

/// Why a payout failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A word for machines.
    pub code: Box<str>,
    /// A sentence for people.
    pub message: Box<str>,
}
