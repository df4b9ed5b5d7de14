//! The schemas of the domain crate's objects.

#![expect(dead_code, reason = "these types exist for their schemas only")]

use schemars::JsonSchema;

use super::{Network, Sequence, Status, Time, TxHash};

/// One entry of a payout's history.
#[derive(JsonSchema)]
pub(crate) struct TimelineEntry {
    sequence: Sequence,
    /// The status from this time on.
    status: Status,
    /// The time of the change.
    at: Time,
    /// The hash of the transaction, if the change has one.
    tx_hash: Option<TxHash>,
    /// The network of the transaction.
    network: Option<Network>,
    /// True if this change was not reported and follows from a later one: delivered funds must have been sent before.
    inferred: bool,
}

/// The location of the funds, and whether paying again is safe.
#[derive(JsonSchema)]
pub(crate) struct Funds {
    /// The location of the funds, as far as it is known.
    location: FundsLocation,
    /// True only if the payout failed and the funds certainly never left the sender or were returned. While it is
    /// false, paying again may pay twice.
    safe_to_retry: bool,
}

/// A location of funds.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum FundsLocation {
    /// not sent yet
    Sender,
    /// sent, and not delivered yet
    InTransit,
    /// with the recipient
    Recipient,
    /// back with the sender
    Returned,
    /// unknown: do not pay again, contact support
    Unknown,
}

/// The cause of a failure.
#[derive(JsonSchema)]
pub(crate) struct Failure {
    /// The cause, for programs. New codes may be added; decide by `funds`, not by the code.
    #[schemars(length(min = 1, max = 64), example = &"liquidity_exhausted")]
    code: String,
    /// The cause, for people.
    #[schemars(length(max = 1000), example = &"The bridge ran out of liquidity.")]
    message: String,
}
