//! The schemas of chain watchers' reports. Tests compare them with the reader of reports.

#![expect(dead_code, reason = "these types exist for their schemas only")]

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
/// The pattern of network names.
pub(crate) const NETWORK_PATTERN: &str = "^[A-Za-z0-9_-]+$";

/// The envelope of every report: a `CloudEvents` 1.0 event.
#[derive(JsonSchema)]
pub(crate) struct ReportEnvelope {
    #[schemars(extend("const" = "1.0"))]
    specversion: String,
    /// Identifies the report, together with `source`. Use the same id to send the same report again.
    #[schemars(length(min = 1, max = MAX_KEY_CHARS), example = &"tron-7c2d4206-broadcast")]
    id: String,
    /// Identifies the chain watcher.
    #[schemars(length(min = 1, max = MAX_KEY_CHARS), example = &"/watchers/tron")]
    source: String,
    /// The payout that the report is for.
    subject: PayoutId,
    /// The time of the observation. The estimate of the report with the latest time is used. If it is missing, the time
    /// of receipt is used.
    time: Option<Time>,
    /// `application/json`, or absent.
    #[schemars(example = &"application/json")]
    datacontenttype: Option<String>,
    /// A URI with the version of the schema. Only version 1 is supported. Usually absent.
    dataschema: Option<String>,
}

/// A transaction was broadcast.
#[derive(JsonSchema)]
pub(crate) struct BroadcastData {
    /// The network of the transaction.
    #[schemars(length(min = 1, max = MAX_NETWORK), regex(pattern = NETWORK_PATTERN), example = &"tron")]
    network: String,
    /// The transaction's hash.
    #[schemars(length(min = 1, max = MAX_HASH), regex(pattern = VISIBLE))]
    tx_hash: String,
    /// The leg of the route, for a bridge.
    leg: Option<Leg>,
    /// The estimated time until delivery, in seconds from `time`.
    #[schemars(range(max = MAX_ESTIMATED_SECONDS))]
    estimated_seconds: Option<u32>,
}

/// A transaction progresses.
#[derive(JsonSchema)]
pub(crate) struct ProgressData {
    /// The network of the observation.
    #[schemars(length(min = 1, max = MAX_NETWORK), regex(pattern = NETWORK_PATTERN), example = &"tron")]
    network: String,
    /// The transaction's hash.
    #[schemars(length(min = 1, max = MAX_HASH), regex(pattern = VISIBLE))]
    tx_hash: Option<String>,
    /// The number of confirmations.
    #[schemars(range(max = u32::MAX))]
    confirmations: Option<u32>,
    /// The number of confirmations required for delivery.
    #[schemars(range(max = u32::MAX))]
    required_confirmations: Option<u32>,
    /// The estimated time until delivery, in seconds from `time`.
    #[schemars(range(max = MAX_ESTIMATED_SECONDS))]
    estimated_seconds: Option<u32>,
    /// The hash of the transaction that replaces this one.
    #[schemars(length(min = 1, max = MAX_HASH), regex(pattern = VISIBLE))]
    replaced_by: Option<String>,
}

/// The recipient has the funds.
#[derive(JsonSchema)]
pub(crate) struct DeliveredData {
    /// The network on which the recipient got the funds.
    #[schemars(length(min = 1, max = MAX_NETWORK), regex(pattern = NETWORK_PATTERN), example = &"tron")]
    network: String,
    /// The hash of the delivering transaction.
    #[schemars(length(min = 1, max = MAX_HASH), regex(pattern = VISIBLE))]
    tx_hash: String,
    /// The amount that the recipient got, in units of the asset.
    recipient_amount: Option<Amount>,
    /// The actual fees, in US dollars.
    fees_paid_usd: Option<Amount>,
    /// The number of confirmations.
    #[schemars(range(max = u32::MAX))]
    confirmations: Option<u32>,
}

/// The payout failed.
#[derive(JsonSchema)]
pub(crate) struct FailedData {
    /// The cause, for programs.
    #[schemars(length(min = 1, max = MAX_CODE), example = &"liquidity_exhausted")]
    code: String,
    /// The cause, for people. Partners and their users may see it.
    #[schemars(length(max = MAX_MESSAGE), example = &"The bridge ran out of liquidity.")]
    message: String,
    /// The network of the observation.
    #[schemars(length(min = 1, max = MAX_NETWORK), regex(pattern = NETWORK_PATTERN), example = &"tron")]
    network: Option<String>,
    /// The hash of the transaction that failed or was reversed.
    #[schemars(length(min = 1, max = MAX_HASH), regex(pattern = VISIBLE))]
    tx_hash: Option<String>,
    /// The location of the funds. Use `not_sent` and `returned` only if that is certain: the partner may then pay
    /// again.
    funds: Option<ReportedFunds>,
    /// Whether the report reverses a delivery, as after a reorganisation or a return. Without it, a failure after a
    /// delivery is refused.
    reversal: Option<bool>,
}

/// A leg of the route.
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

/// The location of the funds of a failed payout.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ReportedFunds {
    /// never sent
    NotSent,
    /// back with the sender
    Returned,
    /// unknown
    Unknown,
}

/// Visible ASCII characters.
const VISIBLE: &str = "^[!-~]+$";
