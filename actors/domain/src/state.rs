//! The four states as one type, and the road between them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::estimate::Due;
use super::{
    Broadcast, Decision, Delivered, Event, Failed, IllegalEvent, InvalidId, Pending, Report, Route, Timestamp,
};

/// Where a payout is on its road, with what is known there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// No transaction known.
    Pending(Pending),
    /// A transaction is out.
    Broadcast(Broadcast),
    /// The recipient has the funds.
    Delivered(Delivered),
    /// The payout will not arrive.
    Failed(Failed),
}

/// What a state may look at to decide, besides itself and the report.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The locked route.
    pub route: &'a Route,
    /// The time of the newest timeline entry.
    pub last_at: Timestamp,
    /// Our clock.
    pub now: Timestamp,
}

impl Facts<'_> {
    /// `time`, or the newest timeline entry's where that is later: a timeline never runs backwards.
    #[must_use]
    pub fn not_before_last(&self, time: Timestamp) -> Timestamp {
        time.max(self.last_at)
    }
}

impl State {
    /// What `report` means in this state.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>, report: &Report) -> Decision {
        match self {
            Self::Pending(state) => state.decide(facts, report),
            Self::Broadcast(state) => state.decide(facts, report),
            Self::Delivered(state) => state.decide(facts, report),
            Self::Failed(state) => state.decide(facts, report),
        }
    }

    /// The state after `event`, recorded at `recorded_at`.
    ///
    /// # Errors
    /// Where `event` cannot happen in this state.
    pub fn apply(self, event: &Event, recorded_at: Timestamp) -> Result<Self, IllegalEvent> {
        match self {
            Self::Pending(state) => state.apply(event, recorded_at),
            Self::Broadcast(state) => state.apply(event, recorded_at),
            Self::Delivered(state) => state.apply(event),
            Self::Failed(state) => state.apply(event),
        }
    }

    /// The state after a report that was recorded as nothing new, at `recorded_at`.
    #[must_use]
    pub fn confirmed(self, route: &Route, report: &Report, recorded_at: Timestamp) -> Self {
        match self {
            Self::Pending(state) => Self::Pending(state.confirmed(route, report, recorded_at)),
            Self::Broadcast(state) => Self::Broadcast(state.confirmed(route, report, recorded_at)),
            Self::Delivered(_) | Self::Failed(_) => self,
        }
    }

    /// What is due, before an end state.
    #[must_use]
    pub fn due(&self) -> Option<Due> {
        match self {
            Self::Pending(state) => Some(state.due),
            Self::Broadcast(state) => Some(state.due),
            Self::Delivered(_) | Self::Failed(_) => None,
        }
    }

    /// The name partners see.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Pending(_) => Status::Pending,
            Self::Broadcast(_) => Status::Broadcast,
            Self::Delivered(_) => Status::Delivered,
            Self::Failed(_) => Status::Failed,
        }
    }
}

/// The name of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// No transaction known.
    Pending,
    /// A transaction is out.
    Broadcast,
    /// The recipient has the funds.
    Delivered,
    /// The payout will not arrive.
    Failed,
}

impl Status {
    /// Every status, in the order of the road.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Broadcast, Self::Delivered, Self::Failed];

    /// The word partners see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Broadcast => "broadcast",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// Whether no way leads on (but a reversal).
    #[must_use]
    pub fn is_end(self) -> bool {
        match self {
            Self::Pending | Self::Broadcast => false,
            Self::Delivered | Self::Failed => true,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Status {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let expected = "status (pending, broadcast, delivered or failed)";
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(InvalidId { expected })
    }
}
