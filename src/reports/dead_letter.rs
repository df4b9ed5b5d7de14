//! Messages that cannot become a report: kept aside with the reason, to be inspected and replayed.

use std::fmt;

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;

/// Why a message was put aside. The words are public: operators filter and count by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeadLetterReason {
    /// The body is larger than a report may be.
    TooLarge,
    /// The body is not JSON.
    NotJson,
    /// A JSON object holds one key twice, so it can be read two ways.
    DuplicateKey,
    /// It is JSON, but no `CloudEvents` message.
    NotACloudEvent,
    /// The event, or its data, is of a version that is not known here.
    UnsupportedVersion,
    /// The event is of no type a watcher may send.
    UnknownType,
    /// The event does not say which payout it speaks of.
    NoPayout,
    /// The subject and the routing key name different payouts.
    PayoutMismatch,
    /// A field of the data is missing, or not what it should be.
    InvalidData,
    /// A chain watcher spoke of a sandbox payout, which is on no chain.
    SandboxPayout,
    /// No payout of that id appeared while the report was parked.
    UnknownPayout,
    /// The payout's actor kept failing for as long as the report was parked.
    Quarantined,
    /// The store answers, but did not take this report however often it was tried.
    NotRecordable,
}

impl DeadLetterReason {
    /// Every reason.
    pub const ALL: [Self; 13] = [
        Self::TooLarge,
        Self::NotJson,
        Self::DuplicateKey,
        Self::NotACloudEvent,
        Self::UnsupportedVersion,
        Self::UnknownType,
        Self::NoPayout,
        Self::PayoutMismatch,
        Self::InvalidData,
        Self::SandboxPayout,
        Self::UnknownPayout,
        Self::Quarantined,
        Self::NotRecordable,
    ];

    /// The word in headers, metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotJson => "not_json",
            Self::DuplicateKey => "duplicate_key",
            Self::NotACloudEvent => "not_a_cloud_event",
            Self::UnsupportedVersion => "unsupported_version",
            Self::UnknownType => "unknown_type",
            Self::NoPayout => "no_payout",
            Self::PayoutMismatch => "payout_mismatch",
            Self::InvalidData => "invalid_data",
            Self::SandboxPayout => "sandbox_payout",
            Self::UnknownPayout => "unknown_payout",
            Self::Quarantined => "quarantined",
            Self::NotRecordable => "not_recordable",
        }
    }
}

impl fmt::Display for DeadLetterReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A message that is no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Unreadable {
    /// The reason, for machines.
    pub reason: DeadLetterReason,
    /// Which field is at fault and what it should be, for people. Never holds what the message said.
    pub detail: String,
}

impl Unreadable {
    pub(super) fn new(reason: DeadLetterReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// A message to be put aside, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why.
    pub reason: DeadLetterReason,
    /// What exactly is wrong, for people.
    pub detail: String,
    /// The exchange it came through; empty where it is not known any more.
    pub exchange: String,
    /// The routing key it came with.
    pub routing_key: String,
    /// Its message id, where it had one.
    pub message_id: Option<String>,
    /// Its content type, where it had one.
    pub content_type: Option<String>,
    /// Its headers, as far as they are text.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// Where messages are put aside.
#[async_trait]
pub trait DeadLetters: Send + Sync + 'static {
    /// Puts a message aside. Once this returns, it is safe there.
    ///
    /// # Errors
    /// Where that is not certain. The same message may then be sent again.
    async fn send(&self, letter: &DeadLetter) -> Result<(), Unavailable>;
}
