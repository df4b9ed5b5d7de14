//! The rules of the state pending: no transaction is known.

use super::estimate::{self, Due, Estimate};
use super::{
    Broadcast, Decision, Event, Facts, Failed, IllegalEvent, Pending, Report, ReportKind, Route, State,
    Timestamp, Unchanged,
};

impl Pending {
    /// Decides what `report` changes.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>, report: &Report) -> Decision {
        let time = estimate::report_time(report, facts.now);
        let at = facts.not_before_last(time);
        match &report.kind {
            ReportKind::Broadcast(seen) => {
                let seconds = seen.estimated_seconds.unwrap_or(facts.route.seconds_after_broadcast);
                Decision::Apply(vec![Event::Broadcast {
                    at,
                    transaction: seen.transaction.clone(),
                    inferred: false,
                    estimate: self.due.estimate.moved_by(Estimate::counted_from(time, seconds)),
                }])
            }
            ReportKind::Progress(seen) => {
                let known = self.due.estimate;
                match known.moved_by_progress(seen, time, facts.route.estimated_seconds) {
                    Some(estimate) if estimate.delivery_at != known.delivery_at => {
                        Decision::Apply(vec![Event::EstimateMoved { estimate }])
                    }
                    Some(_) | None => Decision::Unchanged(Unchanged::NothingNew),
                }
            }
            // A delivery without an earlier report is ordinary; the status still passes through broadcast.
            ReportKind::Delivered(seen) => Decision::Apply(vec![
                Event::Broadcast {
                    at,
                    transaction: seen.transaction.clone(),
                    inferred: true,
                    estimate: None,
                },
                Event::delivered(at, seen),
            ]),
            ReportKind::Failed(seen) => Decision::Apply(vec![Event::failed(at, seen)]),
        }
    }

    /// The state after a report that repeated the estimated delivery time, or contained nothing new.
    #[must_use]
    pub fn refreshed(mut self, route: &Route, report: &Report, recorded_at: Timestamp) -> Self {
        self.due = self.due.refreshed(report, recorded_at, route.estimated_seconds);
        self
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// Returns `IllegalEvent` if `event` is impossible in this state.
    pub fn apply(self, event: &Event, recorded_at: Timestamp) -> Result<State, IllegalEvent> {
        match event {
            Event::Broadcast { transaction, estimate, .. } => Ok(State::Broadcast(Broadcast {
                due: self.due.after(*estimate, recorded_at),
                hashes: vec![transaction.tx_hash.clone()],
            })),
            Event::EstimateMoved { estimate } => {
                Ok(State::Pending(Self { due: self.due.after(Some(*estimate), recorded_at) }))
            }
            Event::Late => Ok(State::Pending(Self { due: Due { late: true, ..self.due } })),
            Event::Failed { failure, funds, .. } => {
                Ok(State::Failed(Failed::before_delivery(failure, *funds)))
            }
            Event::TransactionSeen { .. } | Event::Delivered { .. } => Err(IllegalEvent),
        }
    }
}
