//! Pending: created, and no transaction known yet.

use super::estimate::{self, Due, Estimate};
use super::{
    Broadcast, Decision, Delivered, Event, Facts, Failed, IllegalEvent, Report, ReportKind, Route, State,
    Timestamp, Unchanged,
};

/// The state before any transaction is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// When delivery is expected.
    pub due: Due,
}

impl Pending {
    /// What `report` means now.
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
            // Confirmed without an earlier notice is ordinary; the road still leads through broadcast.
            ReportKind::Delivered(seen) => Decision::Apply(vec![
                Event::Broadcast {
                    at,
                    transaction: seen.transaction.clone(),
                    inferred: true,
                    estimate: None,
                },
                Delivered::event(at, seen),
            ]),
            ReportKind::Failed(seen) => Decision::Apply(vec![Failed::event(at, seen)]),
        }
    }

    /// The state after a report that named the estimate's moment again, or nothing new at all.
    #[must_use]
    pub fn confirmed(mut self, route: &Route, report: &Report, recorded_at: Timestamp) -> Self {
        self.due = self.due.confirmed(report, recorded_at, route.estimated_seconds);
        self
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// Where `event` cannot happen here: the journal does not belong to this payout.
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
