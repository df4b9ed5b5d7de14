//! The rules of the state broadcast: at least one transaction is out.

use super::estimate::{self, Estimate};
use super::{
    Broadcast, Decision, Delivered, Event, Facts, Failed, IllegalEvent, Refusal, Report, ReportKind, Route,
    State, Timestamp, Transaction, Unchanged,
};

/// The most transactions that one payout can have: far more than any bridge with replacements needs.
pub const MAX_TRANSACTIONS: usize = 32;

impl Broadcast {
    /// Decides what `report` changes.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>, report: &Report) -> Decision {
        let time = estimate::report_time(report, facts.now);
        let at = facts.not_before_last(time);
        let full_seconds = facts.route.seconds_after_broadcast;
        let moved = |seconds| self.due.estimate.moved_by(Estimate::counted_from(time, seconds));
        match &report.kind {
            ReportKind::Broadcast(seen) if self.hashes.contains(&seen.transaction.tx_hash) => {
                Decision::Unchanged(Unchanged::AlreadyKnown)
            }
            ReportKind::Broadcast(seen) => self.transaction_seen(Event::TransactionSeen {
                at,
                transaction: seen.transaction.clone(),
                leg: seen.leg,
                estimate: moved(seen.estimated_seconds.unwrap_or(full_seconds)),
            }),
            ReportKind::Progress(seen) => {
                let known = self.due.estimate;
                let estimate = known.moved_by_progress(seen, time, full_seconds);
                let replacement = seen.replaced_by.as_ref().filter(|hash| !self.hashes.contains(hash));
                match (replacement, estimate) {
                    (Some(hash), estimate) => self.transaction_seen(Event::TransactionSeen {
                        at,
                        transaction: Transaction { network: seen.network.clone(), tx_hash: hash.clone() },
                        leg: None,
                        estimate,
                    }),
                    (None, Some(estimate)) if estimate.delivery_at != known.delivery_at => {
                        Decision::Apply(vec![Event::EstimateMoved { estimate }])
                    }
                    (None, Some(_) | None) => Decision::Unchanged(Unchanged::NothingNew),
                }
            }
            ReportKind::Delivered(seen) => Decision::Apply(vec![Event::delivered(at, seen)]),
            ReportKind::Failed(seen) => Decision::Apply(vec![Event::failed(at, seen)]),
        }
    }

    fn transaction_seen(&self, event: Event) -> Decision {
        if self.hashes.len() < MAX_TRANSACTIONS {
            Decision::Apply(vec![event])
        } else {
            Decision::Refused(Refusal::TooManyTransactions)
        }
    }

    /// The state after a report that repeated the estimated delivery time, or contained nothing new.
    #[must_use]
    pub fn refreshed(mut self, route: &Route, report: &Report, recorded_at: Timestamp) -> Self {
        self.due = self.due.refreshed(report, recorded_at, route.seconds_after_broadcast);
        self
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// Returns `IllegalEvent` if `event` is impossible in this state.
    pub fn apply(mut self, event: &Event, recorded_at: Timestamp) -> Result<State, IllegalEvent> {
        match event {
            Event::TransactionSeen { transaction, estimate, .. } => {
                self.hashes.push(transaction.tx_hash.clone());
                self.due = self.due.after(*estimate, recorded_at);
                Ok(State::Broadcast(self))
            }
            Event::EstimateMoved { estimate } => {
                self.due = self.due.after(Some(*estimate), recorded_at);
                Ok(State::Broadcast(self))
            }
            Event::Late => {
                self.due.late = true;
                Ok(State::Broadcast(self))
            }
            Event::Delivered { at, transaction, recipient_amount, fees_paid_usd } => {
                Ok(State::Delivered(Delivered {
                    at: *at,
                    tx_hash: transaction.tx_hash.clone(),
                    recipient_amount: *recipient_amount,
                    fees_paid_usd: *fees_paid_usd,
                }))
            }
            Event::Failed { failure, funds, .. } => {
                Ok(State::Failed(Failed::before_delivery(failure, *funds)))
            }
            Event::Broadcast { .. } => Err(IllegalEvent),
        }
    }
}
