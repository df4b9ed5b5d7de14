//! What chain watchers send, described: the same rules as [`crate::reports::envelope`] reads by. Tests hold the two together.

#![expect(dead_code, reason = "these types stand for their schemas; none is ever made")]

use schemars::JsonSchema;

use crate::contracts::{Amount, PayoutId, Time};

/// The longest `id` and `source`, in characters.
pub(crate) const MAX_KEY_CHARS: usize = 255;
/// The longest estimate, in seconds: 30 days.
pub(crate) const MAX_ESTIMATED_SECONDS: u32 = 2_592_000;
/// The longest transaction hash, in characters.
pub(crate) const MAX_HASH: usize = 128;
/// The longest network name, in characters.
pub(crate) const MAX_NETWORK: usize = 32;
/// The longest failure code, in characters.
pub(crate) const MAX_CODE: usize = 64;
/// The longest failure message, in characters.
pub(crate) const MAX_MESSAGE: usize = 1_000;
/// The characters of a network's name.
pub(crate) const NETWORK_PATTERN: &str = "^[A-Za-z0-9_-]+$";

/// What every report says around its data: a `CloudEvents` 1.0 event.
#[derive(JsonSchema)]
pub(crate) struct ReportEnvelope {
    #[schemars(extend("const" = "1.0"))]
    specversion: String,
    /// Names the report, together with `source`, for ever. Repeat it when you send the same report again.
    #[schemars(length(min = 1, max = MAX_KEY_CHARS), example = &"tron-7c2d4206-broadcast")]
    id: String,
    /// Names the watcher.
    #[schemars(length(min = 1, max = MAX_KEY_CHARS), example = &"/watchers/tron")]
    source: String,
    /// The payout that the report speaks of.
    subject: PayoutId,
    /// When it was seen on the network. The newest report by this time has the last word on the estimate. The time
    /// of arrival, where it is missing.
    time: Option<Time>,
    /// `application/json`, or left out.
    #[schemars(example = &"application/json")]
    datacontenttype: Option<String>,
    /// A URI with the schema's version: only the first is known. Usually left out.
    dataschema: Option<String>,
}

/// A transaction is out.
#[derive(JsonSchema)]
pub(crate) struct BroadcastData {
    /// The network it is on.
    #[schemars(length(min = 1, max = MAX_NETWORK), regex(pattern = NETWORK_PATTERN), example = &"tron")]
    network: String,
    /// The transaction's hash.
    #[schemars(length(min = 1, max = MAX_HASH), regex(pattern = VISIBLE))]
    tx_hash: String,
    /// Which part of the way it is, on a bridge.
    leg: Option<Leg>,
    /// How long until delivery, in seconds, counted from `time`.
    #[schemars(range(max = MAX_ESTIMATED_SECONDS))]
    estimated_seconds: Option<u32>,
}

/// It is on its way.
#[derive(JsonSchema)]
pub(crate) struct ProgressData {
    /// The network that is spoken of.
    #[schemars(length(min = 1, max = MAX_NETWORK), regex(pattern = NETWORK_PATTERN), example = &"tron")]
    network: String,
    /// The transaction's hash.
    #[schemars(length(min = 1, max = MAX_HASH), regex(pattern = VISIBLE))]
    tx_hash: Option<String>,
    /// Confirmations so far.
    #[schemars(range(max = u32::MAX))]
    confirmations: Option<u32>,
    /// Confirmations that are waited for.
    #[schemars(range(max = u32::MAX))]
    required_confirmations: Option<u32>,
    /// How long until delivery, in seconds, counted from `time`.
    #[schemars(range(max = MAX_ESTIMATED_SECONDS))]
    estimated_seconds: Option<u32>,
    /// The hash of the transaction that took this one's place.
    #[schemars(length(min = 1, max = MAX_HASH), regex(pattern = VISIBLE))]
    replaced_by: Option<String>,
}

/// The recipient has the funds.
#[derive(JsonSchema)]
pub(crate) struct DeliveredData {
    /// The network they arrived on.
    #[schemars(length(min = 1, max = MAX_NETWORK), regex(pattern = NETWORK_PATTERN), example = &"tron")]
    network: String,
    /// The transaction that brought them.
    #[schemars(length(min = 1, max = MAX_HASH), regex(pattern = VISIBLE))]
    tx_hash: String,
    /// What the recipient really got, in the asset.
    recipient_amount: Option<Amount>,
    /// What it really cost, in US dollars.
    fees_paid_usd: Option<Amount>,
    /// Confirmations so far.
    #[schemars(range(max = u32::MAX))]
    confirmations: Option<u32>,
}

/// It will not arrive.
#[derive(JsonSchema)]
pub(crate) struct FailedData {
    /// Why, for programs.
    #[schemars(length(min = 1, max = MAX_CODE), example = &"liquidity_exhausted")]
    code: String,
    /// Why, for people. Partners and their users may read it.
    #[schemars(length(max = MAX_MESSAGE), example = &"The bridge ran out of liquidity.")]
    message: String,
    /// The network that is spoken of.
    #[schemars(length(min = 1, max = MAX_NETWORK), regex(pattern = NETWORK_PATTERN), example = &"tron")]
    network: Option<String>,
    /// The transaction that failed or was taken back.
    #[schemars(length(min = 1, max = MAX_HASH), regex(pattern = VISIBLE))]
    tx_hash: Option<String>,
    /// Where the funds are. Say `not_sent` or `returned` only when that is certain: the partner may then pay again.
    funds: Option<ReportedFunds>,
    /// It takes back a delivery: a reorganisation, a return. Without it, a failure after a delivery is refused.
    reversal: Option<bool>,
}

/// A part of the way.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Leg {
    /// the sender's transaction
    Source,
    /// between the networks
    Bridge,
    /// the transaction to the recipient
    Destination,
}

/// Where the funds of a failed payout are.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ReportedFunds {
    /// nothing ever left
    NotSent,
    /// back with the sender
    Returned,
    /// nobody can say yet
    Unknown,
}

/// Visible ASCII characters.
const VISIBLE: &str = "^[!-~]+$";
