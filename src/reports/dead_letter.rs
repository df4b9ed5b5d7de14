//! Dead letters: messages that cannot be processed, kept with the reason so that operators can inspect and replay them.

use std::fmt;

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;

/// The reason for dead-lettering a message. Its name is public: operators filter and count by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeadLetterReason {
    /// The body exceeds the size limit of reports.
    TooLarge,
    /// The body is not JSON.
    NotJson,
    /// A JSON object has a duplicate key.
    DuplicateKey,
    /// The body is JSON, but not a `CloudEvents` message.
    NotACloudEvent,
    /// The version of the event or of its data is not supported.
    UnsupportedVersion,
    /// The type is not one of the report types.
    UnknownType,
    /// The event names no payout.
    NoPayout,
    /// The subject and the routing key name different payouts.
    PayoutMismatch,
    /// A field of the data is missing or invalid.
    InvalidData,
    /// A chain watcher reported on a sandbox payout, which is on no chain.
    SandboxPayout,
    /// No payout with that id was created while the report was parked.
    UnknownPayout,
    /// The payout was quarantined when the parked report expired.
    Quarantined,
    /// The store answers, but every attempt to record this report failed.
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

    /// The name in headers, metrics and logs.
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

/// The message cannot be read as a report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Unreadable {
    /// The reason, for programs.
    pub reason: DeadLetterReason,
    /// The invalid field and the expected value, for people. Never contains a value of the message.
    pub detail: String,
}

impl Unreadable {
    pub(super) fn new(reason: DeadLetterReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// A message to be dead-lettered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The reason, for programs.
    pub reason: DeadLetterReason,
    /// The reason in detail, for people.
    pub detail: String,
    /// The exchange it was published to; empty if it is not known.
    pub exchange: String,
    /// Its original routing key.
    pub routing_key: String,
    /// Its message id, if it has one.
    pub message_id: Option<String>,
    /// Its content type, if it has one.
    pub content_type: Option<String>,
    /// Its headers that have a text form.
    pub headers: Vec<(String, String)>,
    /// Its original body.
    pub body: Vec<u8>,
}

/// Publishes dead letters.
#[async_trait]
pub trait DeadLetters: Send + Sync + 'static {
    /// Publishes a dead letter. Returns `Ok` once it is stored durably.
    ///
    /// # Errors
    /// Returns `Unavailable` if it may not be stored. The same dead letter may then be sent again.
    async fn send(&self, dead_letter: &DeadLetter) -> Result<(), Unavailable>;
}
