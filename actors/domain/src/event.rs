//! The events of the journal. Each event is one change that partners can see, so each raises the sequence by one.

use serde::{Deserialize, Serialize};

use super::{
    Amount, DeliveredReport, Estimate, FailedFunds, FailedReport, Leg, Network, Timestamp, Transaction,
    TxHash, Usd,
};

/// One change of a payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The status moves from pending to broadcast.
    Broadcast {
        /// The time of the event on chain.
        at: Timestamp,
        /// The first known transaction.
        transaction: Transaction,
        /// Whether no watcher reported the transaction, and it was inferred from the delivery.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        inferred: bool,
        /// The new estimate, if it moved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        estimate: Option<Estimate>,
    },
    /// A further leg or a replacement was seen while the status is broadcast.
    TransactionSeen {
        /// The time of the event on chain.
        at: Timestamp,
        /// The transaction.
        transaction: Transaction,
        /// The part of the route that the transaction covers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        leg: Option<Leg>,
        /// The new estimate, if it moved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        estimate: Option<Estimate>,
    },
    /// The estimated delivery time moved.
    EstimateMoved {
        /// The new estimate.
        estimate: Estimate,
    },
    /// The estimated delivery time passed before an end state.
    Late,
    /// The status moves to delivered.
    Delivered {
        /// The time of the event on chain.
        at: Timestamp,
        /// The transaction that delivered the funds.
        transaction: Transaction,
        /// The amount that arrived, if reported.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recipient_amount: Option<Amount>,
        /// The actual cost, if reported.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fees_paid_usd: Option<Usd>,
    },
    /// The status moves to failed.
    Failed {
        /// The time of the failure.
        at: Timestamp,
        /// The reason.
        failure: Failure,
        /// The location of the funds.
        funds: FailedFunds,
        /// The chain of the failure, if reported.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        network: Option<Network>,
        /// The failed transaction, if reported.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tx_hash: Option<TxHash>,
    },
}

/// A journal entry that cannot follow the entries before it: the journal is damaged, or belongs to another payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the journal entry cannot follow the entries before it")]
pub struct IllegalEvent;

impl Event {
    /// The event that a report of delivery causes.
    #[must_use]
    pub fn delivered(at: Timestamp, report: &DeliveredReport) -> Self {
        Self::Delivered {
            at,
            transaction: report.transaction.clone(),
            recipient_amount: report.recipient_amount,
            fees_paid_usd: report.fees_paid_usd,
        }
    }

    /// The event that a report of failure causes. If the report does not say where the funds are, that is unknown.
    #[must_use]
    pub fn failed(at: Timestamp, report: &FailedReport) -> Self {
        Self::Failed {
            at,
            failure: Failure { code: report.code.clone(), message: report.message.clone() },
            funds: report.funds.unwrap_or(FailedFunds::Unknown),
            network: report.network.clone(),
            tx_hash: report.tx_hash.clone(),
        }
    }
}

/// The reason of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The reason as a code, for programs.
    pub code: Box<str>,
    /// The reason as a sentence, for people.
    pub message: Box<str>,
}
