//! Reports of chain watchers. A report is evidence and not a command: the state machine decides what it changes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Amount, Network, Timestamp, Usd};

/// The key of a report: the `source` of the watcher and its `id`. A second report with the same key is a repeat and
/// changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReportKey {
    /// The watcher (`CloudEvents` `source`).
    pub source: Box<str>,
    /// The id that the watcher gave the report (`CloudEvents` `id`).
    pub id: Box<str>,
}

/// A transaction hash. Hex hashes are compared without regard to case, all others (such as base58 on Solana) with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct TxHash(Box<str>);

impl TxHash {
    /// The hash in canonical form: hex in lowercase.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let hex = |s: &str| s.bytes().all(|b| b.is_ascii_hexdigit());
        let is_hex = digits.map_or(text.len() == 64 && hex(text), hex);
        Self(if is_hex { text.to_ascii_lowercase().into() } else { text.into() })
    }

    /// The canonical form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for TxHash {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl fmt::Display for TxHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A transaction on a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// The chain of the transaction.
    pub network: Network,
    /// The hash on that chain.
    pub tx_hash: TxHash,
}

/// The part of a bridged route that a transaction covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// On the sending network.
    Source,
    /// On the bridge.
    Bridge,
    /// On the receiving network.
    Destination,
}

/// The location of the funds of a failed payout, as reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedFunds {
    /// The funds never left the sender.
    NotSent,
    /// The funds came back to the sender.
    Returned,
    /// The location is not known.
    Unknown,
}

/// `chain.broadcast`: a transaction of the payout was broadcast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroadcastReport {
    /// The transaction.
    #[serde(flatten)]
    pub transaction: Transaction,
    /// The part of the route that the transaction covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<Leg>,
    /// Seconds from the time of the report to the delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_seconds: Option<u32>,
}

/// `chain.progress`: news of a payout in flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressReport {
    /// The chain.
    pub network: Network,
    /// The transaction, if the report is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx_hash: Option<TxHash>,
    /// The number of confirmations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmations: Option<u32>,
    /// The number of confirmations at which the transaction counts as delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_confirmations: Option<u32>,
    /// Seconds from the time of the report to the delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_seconds: Option<u32>,
    /// The transaction that replaced this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<TxHash>,
}

/// `chain.delivered`: the recipient has the funds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredReport {
    /// The transaction that delivered the funds.
    #[serde(flatten)]
    pub transaction: Transaction,
    /// The amount that arrived, in the asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_amount: Option<Amount>,
    /// The actual cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fees_paid_usd: Option<Usd>,
    /// The number of confirmations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmations: Option<u32>,
}

/// `chain.failed`: the payout will not be delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedReport {
    /// The reason as a code, for programs.
    pub code: Box<str>,
    /// The reason as a sentence, for people.
    pub message: Box<str>,
    /// The chain of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// The failed transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx_hash: Option<TxHash>,
    /// The location of the funds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funds: Option<FailedFunds>,
    /// Whether the failure reverses a delivery (a chain reorganisation, a returned payment).
    #[serde(default)]
    pub reversal: bool,
}

/// The content of a report, by type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum ReportKind {
    /// A transaction was broadcast.
    Broadcast(BroadcastReport),
    /// News of a payout in flight.
    Progress(ProgressReport),
    /// The recipient has the funds.
    Delivered(DeliveredReport),
    /// The payout will not be delivered.
    Failed(FailedReport),
}

impl ReportKind {
    /// `broadcast`, `progress`, `delivered` or `failed`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Broadcast(_) => "broadcast",
            Self::Progress(_) => "progress",
            Self::Delivered(_) => "delivered",
            Self::Failed(_) => "failed",
        }
    }
}

/// A report of a watcher about one payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The key of the report.
    #[serde(flatten)]
    pub key: ReportKey,
    /// The time of the observation, by the clock of the watcher.
    pub time: Timestamp,
    /// The content.
    #[serde(flatten)]
    pub kind: ReportKind,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hex_hashes_are_compared_without_regard_to_case() {
        assert_eq!(TxHash::new("0xAB"), TxHash::new("0xab"));
        assert_eq!(TxHash::new(&"A1".repeat(32)), TxHash::new(&"a1".repeat(32)));
        assert_ne!(TxHash::new("5VERv8NMvzbJMEkV"), TxHash::new("5verv8nmvzbjmekv"));
    }

    #[test]
    fn a_report_is_read_back_from_its_stored_form() {
        let report = Report {
            key: ReportKey { source: "watcher/tron".into(), id: "1".into() },
            time: "2026-01-01T00:00:00Z".parse().unwrap(),
            kind: ReportKind::Broadcast(BroadcastReport {
                transaction: Transaction { network: Network::new("tron"), tx_hash: TxHash::new("ab") },
                leg: Some(Leg::Bridge),
                estimated_seconds: Some(20),
            }),
        };
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(
            text,
            r#"{"source":"watcher/tron","id":"1","time":"2026-01-01T00:00:00.000000Z","type":"broadcast","data":{"network":"tron","tx_hash":"ab","leg":"bridge","estimated_seconds":20}}"#
        );
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }
}
