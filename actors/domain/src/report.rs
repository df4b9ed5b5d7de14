//! What a chain watcher says it saw. A report is evidence, not an order: the state machine decides what it means.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Amount, Network, Timestamp, Usd};

/// What identifies a report for ever: the watcher's `source` and the `id` it gave. A second report with the same
/// key is a repeat and changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReportKey {
    /// The watcher (`CloudEvents` `source`).
    pub source: Box<str>,
    /// The watcher's name for this report (`CloudEvents` `id`).
    pub id: Box<str>,
}

/// A transaction hash. Hex hashes are compared without regard to case, others (Solana's base58) as they stand.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct TxHash(Box<str>);

impl TxHash {
    /// The hash in its canonical spelling: hex in lowercase.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let hex = |s: &str| s.bytes().all(|b| b.is_ascii_hexdigit());
        let is_hex = digits.map_or(text.len() == 64 && hex(text), hex);
        Self(if is_hex { text.to_ascii_lowercase().into() } else { text.into() })
    }

    /// The canonical spelling.
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
    /// The chain it is on.
    pub network: Network,
    /// Its hash there.
    pub tx_hash: TxHash,
}

/// Which part of a bridged route a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// On the network the funds leave.
    Source,
    /// The bridge's own.
    Bridge,
    /// On the network the funds arrive at.
    Destination,
}

/// Where the funds of a failed payout are, as far as the watcher knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedFunds {
    /// They never left the sender.
    NotSent,
    /// They came back to the sender.
    Returned,
    /// Nobody can say yet.
    Unknown,
}

/// `chain.broadcast`: a transaction of this payout is out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroadcastReport {
    /// The transaction.
    #[serde(flatten)]
    pub transaction: Transaction,
    /// Which part of the route it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<Leg>,
    /// Seconds from the report's time to delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_seconds: Option<u32>,
}

/// `chain.progress`: the payout is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressReport {
    /// The chain it was seen on.
    pub network: Network,
    /// The transaction it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx_hash: Option<TxHash>,
    /// Blocks on top of the transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmations: Option<u32>,
    /// Blocks wanted before it counts as delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_confirmations: Option<u32>,
    /// Seconds from the report's time to delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_seconds: Option<u32>,
    /// The transaction that took this one's place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<TxHash>,
}

/// `chain.delivered`: the recipient has the funds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredReport {
    /// The transaction that delivered them.
    #[serde(flatten)]
    pub transaction: Transaction,
    /// What actually arrived, in the asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_amount: Option<Amount>,
    /// What it actually cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fees_paid_usd: Option<Usd>,
    /// Blocks on top of the transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmations: Option<u32>,
}

/// `chain.failed`: the payout will not arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedReport {
    /// A word for the reason, for machines.
    pub code: Box<str>,
    /// A sentence for the reason, for people.
    pub message: Box<str>,
    /// The chain it failed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// The transaction that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx_hash: Option<TxHash>,
    /// Where the funds are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funds: Option<FailedFunds>,
    /// Whether this takes back a delivery (a reorganised chain, a return).
    #[serde(default)]
    pub reversal: bool,
}

/// The four things a watcher can say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum ReportKind {
    /// A transaction is out.
    Broadcast(BroadcastReport),
    /// It is on its way.
    Progress(ProgressReport),
    /// It arrived.
    Delivered(DeliveredReport),
    /// It will not arrive.
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

/// One report of one watcher about one payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What tells it from every other report.
    #[serde(flatten)]
    pub key: ReportKey,
    /// When the watcher saw it.
    pub time: Timestamp,
    /// What it saw.
    #[serde(flatten)]
    pub kind: ReportKind,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_hashes_are_compared_without_case_and_others_with() {
        assert_eq!(TxHash::new("0xAB"), TxHash::new("0xab"));
        assert_eq!(TxHash::new(&"A1".repeat(32)), TxHash::new(&"a1".repeat(32)));
        assert_ne!(TxHash::new("5VERv8NMvzbJMEkV"), TxHash::new("5verv8nmvzbjmekv"));
    }

    #[test]
    fn a_report_survives_the_journal() {
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
