//! The decision on an input, and how it is recorded in the journal.

use serde::{Deserialize, Serialize};

use super::{Event, Report, Timestamp, Version};

/// The decision on one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Apply these events, in this order, in one commit. Never empty.
    Apply(Vec<Event>),
    /// The input is valid and changes nothing.
    Unchanged(Unchanged),
    /// The input contradicts what is known of the payout. It is recorded as evidence and changes nothing.
    Refused(Refusal),
}

/// The reason why a report changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unchanged {
    /// A report with this key (source and id) is recorded already.
    Repeat,
    /// Another report with the same content is recorded already.
    AlreadyKnown,
    /// The payout has reached an end state, and the report is about a time before it.
    Late,
    /// The report contains nothing newer than what is known.
    NothingNew,
}

/// The reason why a report was refused. Every refusal marks the payout for operators, because the funds may not be
/// where the status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// A transaction was broadcast after the payout had failed.
    BroadcastAfterFailed,
    /// The funds were delivered after the payout had failed.
    DeliveredAfterFailed,
    /// A second transaction is reported as the delivery.
    DeliveredTwice,
    /// A failure without `reversal` was reported after the delivery.
    FailedAfterDelivered,
    /// The payout has as many transactions as are allowed.
    TooManyTransactions,
}

/// The recorded outcome of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "reason", rename_all = "snake_case")]
pub enum Outcome {
    /// The payout changed.
    Applied,
    /// The payout did not change.
    Unchanged(Unchanged),
    /// The report was refused.
    Refused(Refusal),
}

impl From<&Decision> for Outcome {
    fn from(decision: &Decision) -> Self {
        match decision {
            Decision::Apply(_) => Self::Applied,
            Decision::Unchanged(reason) => Self::Unchanged(*reason),
            Decision::Refused(reason) => Self::Refused(*reason),
        }
    }
}

impl Outcome {
    /// `applied`, `unchanged` or `refused`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged(_) => "unchanged",
            Self::Refused(_) => "refused",
        }
    }
}

/// The cause of a journal entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", content = "report", rename_all = "snake_case")]
pub enum Cause {
    /// A report of a watcher, recorded whole as evidence.
    Report(Report),
    /// The estimated delivery time passed.
    DuePassed,
}

/// One journal entry: an input, the decision on it, and the resulting events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The version of the payout after this entry.
    pub version: Version,
    /// The time of the decision, by the clock of this process.
    pub recorded_at: Timestamp,
    /// The input.
    #[serde(flatten)]
    pub cause: Cause,
    /// The decision.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The events. Empty unless the outcome is `Applied`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
}
