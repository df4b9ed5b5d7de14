//! The transitions of the state machine: each call goes to the rules of the current state.

use super::{Decision, Event, Facts, IllegalEvent, Report, Route, State, Timestamp};

impl State {
    /// Decides what `report` changes in this state.
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
    /// Returns `IllegalEvent` if `event` is impossible in this state.
    pub fn apply(self, event: &Event, recorded_at: Timestamp) -> Result<Self, IllegalEvent> {
        match self {
            Self::Pending(state) => state.apply(event, recorded_at),
            Self::Broadcast(state) => state.apply(event, recorded_at),
            Self::Delivered(state) => state.apply(event),
            Self::Failed(state) => state.apply(event),
        }
    }

    /// The state after a report that was recorded at `recorded_at` with the outcome "nothing new".
    #[must_use]
    pub fn refreshed(self, route: &Route, report: &Report, recorded_at: Timestamp) -> Self {
        match self {
            Self::Pending(state) => Self::Pending(state.refreshed(route, report, recorded_at)),
            Self::Broadcast(state) => Self::Broadcast(state.refreshed(route, report, recorded_at)),
            Self::Delivered(_) | Self::Failed(_) => self,
        }
    }
}
