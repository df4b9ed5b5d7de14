//! Creations in flight, so that a list knows up to which moment every payout is in the journal.
//!
//! The creation time of a payout is taken before its row is committed, so a row can appear below newer ones. Here the
//! time is taken and recorded in one step; [`PendingCreations::creation_watermark`] returns a time that no later
//! creation precedes, after it has waited for the earlier creations in flight.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use payoutd_domain::{Mode, OrgId, Timestamp};

/// Whose payouts: creations of others are not waited for.
type ActorState = (OrgId, Mode);

/// Creations under way, of this process. Only one process at a time creates payouts in a database.
#[derive(Debug, Default)]
pub struct PendingCreations(Mutex<State>);

#[derive(Debug)]
struct State {
    /// The newest time that was given, to a creation or to a reader.
    newest: Timestamp,
    tickets: u64,
    creations: HashMap<u64, (ActorState, watch::Receiver<()>)>,
}

impl Default for State {
    fn default() -> Self {
        Self { newest: Timestamp::EPOCH, tickets: 0, creations: HashMap::new() }
    }
}

/// One creation under way. It has ended when this is dropped.
#[derive(Debug)]
pub struct CreationGuard {
    at: Timestamp,
    ticket: u64,
    pending_creations: Arc<PendingCreations>,
    /// Those who wait see it go, which is after the creation was struck off.
    _under_way: watch::Sender<()>,
}

impl PendingCreations {
    fn in_flight(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a creation at `now`, or just after the newest time there is where the clock stands still or went back.
    #[must_use]
    pub fn begin(self: &Arc<Self>, org: OrgId, mode: Mode, now: Timestamp) -> CreationGuard {
        let (sender, receiver) = watch::channel(());
        let mut in_flight = self.in_flight();
        let after = Timestamp::from_micros(in_flight.newest.micros() + 1).unwrap_or(in_flight.newest);
        let at = now.max(after);
        in_flight.newest = at;
        in_flight.tickets += 1;
        let ticket = in_flight.tickets;
        in_flight.creations.insert(ticket, ((org, mode), receiver));
        CreationGuard { at, ticket, pending_creations: Arc::clone(self), _under_way: sender }
    }

    /// Waits until every creation of this owner that has begun has ended. The time returned is not before `now`, and
    /// before that of every creation that begins from now on: up to it, all there will ever be is there.
    pub async fn creation_watermark(&self, org: OrgId, mode: Mode, now: Timestamp) -> Timestamp {
        let (until, begun) = {
            let mut in_flight = self.in_flight();
            in_flight.newest = in_flight.newest.max(now);
            let of_owner = in_flight.creations.values().filter(|(state, _)| *state == (org, mode));
            (in_flight.newest, of_owner.map(|(_, ending)| ending.clone()).collect::<Vec<_>>())
        };
        for mut ending in begun {
            // Nothing is ever sent: this returns when the sender is gone.
            let _ = ending.changed().await;
        }
        until
    }
}

impl CreationGuard {
    /// The time of creation. No two creations of one process have the same.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }
}

impl Drop for CreationGuard {
    fn drop(&mut self) {
        self.pending_creations.in_flight().creations.remove(&self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::testing::sample;

    const A_MOMENT: Duration = Duration::from_millis(30);

    #[tokio::test]
    async fn nothing_is_ever_created_before_a_settled_moment() {
        let pending_creations = Arc::new(PendingCreations::default());
        let terms = Arc::clone(&sample::payout(1).terms);
        let begin = |seconds| pending_creations.begin(terms.org, terms.mode, sample::at(seconds));
        let first = begin(10);
        assert_eq!(first.at(), sample::at(10));
        let second = begin(10);
        assert!(second.at() > first.at(), "no two at one time");
        drop((first, second));
        assert!(begin(5).at() > sample::at(10), "a clock that goes back");
        let until = pending_creations.creation_watermark(terms.org, terms.mode, sample::at(20)).await;
        assert_eq!(until, sample::at(20));
        assert!(begin(20).at() > until);
        assert!(
            pending_creations.creation_watermark(terms.org, terms.mode, sample::at(0)).await > until,
            "what was seen is not lost"
        );
        assert!(pending_creations.in_flight().creations.is_empty());
    }

    #[tokio::test]
    async fn ones_own_creations_under_way_are_waited_for() {
        let pending_creations = Arc::new(PendingCreations::default());
        let org = sample::payout(1).terms.org;
        let creation = pending_creations.begin(org, Mode::Live, sample::at(0));
        let (open, opened) = tokio::sync::oneshot::channel::<()>();
        tokio::spawn(async move {
            opened.await.unwrap();
            drop(creation);
        });
        assert!(
            timeout(A_MOMENT, pending_creations.creation_watermark(org, Mode::Live, sample::at(1)))
                .await
                .is_err()
        );
        pending_creations.creation_watermark(org, Mode::Test, sample::at(1)).await;
        open.send(()).unwrap();
        pending_creations.creation_watermark(org, Mode::Live, sample::at(1)).await;
    }
}
