//! What the state machine says to a report, and how that is recorded.

use serde::{Deserialize, Serialize};

use super::{Event, Report, Timestamp, Version};

/// The answer to one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// These changes, in this order, in one commit. Never empty.
    Apply(Vec<Event>),
    /// Nothing to change, and nothing wrong.
    Unchanged(Unchanged),
    /// It cannot be true of this payout as we know it: recorded as evidence, nothing changes.
    Refused(Refusal),
}

/// Why a report changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unchanged {
    /// This very report (source and id) was recorded before.
    Repeat,
    /// Another report already said so.
    AlreadyKnown,
    /// It speaks of a time before the end state.
    Late,
    /// It carries nothing newer than what is known.
    NothingNew,
}

/// Why a report was refused. Each of them marks the payout for operators, because money may be where the status
/// does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// A transaction went out although the payout had failed.
    BroadcastAfterFailed,
    /// The recipient has funds although the payout had failed.
    DeliveredAfterFailed,
    /// A second transaction claims the same delivery.
    DeliveredTwice,
    /// A failure without `reversal` after delivery.
    FailedAfterDelivered,
    /// More transactions than any route has.
    TooManyTransactions,
}

/// The one recorded outcome of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "reason", rename_all = "snake_case")]
pub enum Outcome {
    /// The payout changed.
    Applied,
    /// It did not need to.
    Unchanged(Unchanged),
    /// It could not.
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

/// What made the journal grow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", content = "report", rename_all = "snake_case")]
pub enum Cause {
    /// A watcher's report, kept whole as evidence.
    Report(Report),
    /// The estimated delivery time passed.
    DuePassed,
}

/// One input in the journal: what came, what was decided, what changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The version this entry makes.
    pub version: Version,
    /// When it was decided, by our clock.
    pub recorded_at: Timestamp,
    /// What came.
    #[serde(flatten)]
    pub cause: Cause,
    /// What was decided.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What changed. Empty unless applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
}
