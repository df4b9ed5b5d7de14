//! The schemas of the actors' objects: the same fields, in words for partners.

#![expect(dead_code, reason = "these types stand for their schemas; none is ever made")]

use schemars::JsonSchema;

use super::{Network, Sequence, Status, Time, TxHash};

/// One line of a payout's history.
#[derive(JsonSchema)]
pub(crate) struct TimelineEntry {
    sequence: Sequence,
    /// The status from then on.
    status: Status,
    /// When it happened.
    at: Time,
    /// The transaction, where the change has one.
    tx_hash: Option<TxHash>,
    /// The network of the transaction.
    network: Option<Network>,
    /// True where nobody reported this change and it follows from a later one: funds that arrived were sent before.
    inferred: bool,
}

/// Where the money is, and whether paying again is safe.
#[derive(JsonSchema)]
pub(crate) struct Funds {
    /// Where the money is, as far as is known.
    location: FundsLocation,
    /// True only once the payout failed and the funds surely never left or came back. While it is false, paying
    /// again may pay twice.
    safe_to_retry: bool,
}

/// A place.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum FundsLocation {
    /// nothing left the sender yet
    Sender,
    /// on the way
    InTransit,
    /// with the recipient
    Recipient,
    /// back with the sender
    Returned,
    /// nobody can say yet: do not pay again, ask us
    Unknown,
}

/// Why a payout failed.
#[derive(JsonSchema)]
pub(crate) struct Failure {
    /// For programs. New codes may appear; decide by `funds`, not by the code.
    #[schemars(length(min = 1, max = 64), example = &"liquidity_exhausted")]
    code: String,
    /// For people.
    #[schemars(length(max = 1000), example = &"The bridge ran out of liquidity.")]
    message: String,
}
