//! Changes: what partners can see of a payout, in the form in which it leaves the process.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Event, Sequence, Snapshot, Status, Timestamp};

/// One change that a partner can see. It is committed as an outbox message and as webhook deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The kind of the change.
    pub kind: ChangeKind,
    /// The time at which the change was recorded; the time of creation for the first change.
    pub recorded_at: Timestamp,
    /// The status before the change; `None` for a creation.
    pub previous_status: Option<Status>,
    /// The payout right after the change.
    pub snapshot: Arc<Snapshot>,
}

impl Change {
    /// The sequence number of this change.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.snapshot.sequence
    }
}

/// The kind of a change, named by its public event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChangeKind {
    /// `payout.created`
    #[serde(rename = "payout.created")]
    Created,
    /// `payout.broadcast`
    #[serde(rename = "payout.broadcast")]
    Broadcast,
    /// `payout.delivered`
    #[serde(rename = "payout.delivered")]
    Delivered,
    /// `payout.failed`
    #[serde(rename = "payout.failed")]
    Failed,
    /// `payout.updated`: the estimate moved, or another transaction was seen.
    #[serde(rename = "payout.updated")]
    Updated,
    /// `payout.late`
    #[serde(rename = "payout.late")]
    Late,
}

impl ChangeKind {
    /// The public event type, as it stands in messages, webhooks and routing keys.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "payout.created",
            Self::Broadcast => "payout.broadcast",
            Self::Delivered => "payout.delivered",
            Self::Failed => "payout.failed",
            Self::Updated => "payout.updated",
            Self::Late => "payout.late",
        }
    }
}

impl From<&Event> for ChangeKind {
    fn from(event: &Event) -> Self {
        match event {
            Event::Broadcast { .. } => Self::Broadcast,
            Event::TransactionSeen { .. } | Event::EstimateMoved { .. } => Self::Updated,
            Event::Late => Self::Late,
            Event::Delivered { .. } => Self::Delivered,
            Event::Failed { .. } => Self::Failed,
        }
    }
}
