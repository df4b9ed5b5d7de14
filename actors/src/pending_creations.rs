//! Creations under way, so that whoever lists payouts knows up to which moment all of them are there.
//!
//! A payout's time of creation is taken before its row is committed, so a row can appear below newer ones. Here the time
//! is taken and noted in one step; [`settled`](PendingCreations::settled) names a moment that no later creation falls before, and
//! waits for the earlier ones that are still under way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::ports::Unavailable;
use payoutd_domain::{Mode, OrgId, Timestamp};

/// Whose payouts: creations of others are not waited for.
type Owner = (OrgId, Mode);

/// Creations under way, of this process. Only one process at a time creates payouts in a database.
#[derive(Debug, Default)]
pub struct PendingCreations(Mutex<UnderWay>);

#[derive(Debug)]
struct UnderWay {
    /// The newest time that was given, to a creation or to a reader.
    newest: Timestamp,
    tickets: u64,
    creations: HashMap<u64, (Owner, watch::Receiver<()>)>,
}

impl Default for UnderWay {
    fn default() -> Self {
        Self { newest: Timestamp::EPOCH, tickets: 0, creations: HashMap::new() }
    }
}

/// One creation under way. It has ended when this is dropped.
#[derive(Debug)]
pub struct CreationGuard {
    at: Timestamp,
    ticket: u64,
    births: Arc<PendingCreations>,
    /// Those who wait see it go, which is after the creation was struck off.
    _under_way: watch::Sender<()>,
}

impl PendingCreations {
    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a creation at `now`, or just after the newest time there is where the clock stands still or went back.
    #[must_use]
    pub fn begin(self: &Arc<Self>, org: OrgId, mode: Mode, now: Timestamp) -> CreationGuard {
        let (sender, receiver) = watch::channel(());
        let mut under_way = self.under_way();
        let after = Timestamp::from_micros(under_way.newest.micros() + 1).unwrap_or(under_way.newest);
        let at = now.max(after);
        under_way.newest = at;
        under_way.tickets += 1;
        let ticket = under_way.tickets;
        under_way.creations.insert(ticket, ((org, mode), receiver));
        CreationGuard { at, ticket, births: Arc::clone(self), _under_way: sender }
    }

    /// Waits until every creation of this owner that has begun has ended. The time returned is not before `now`, and
    /// before that of every creation that begins from now on: up to it, all there will ever be is there.
    pub async fn settled(&self, org: OrgId, mode: Mode, now: Timestamp) -> Timestamp {
        let (until, begun) = {
            let mut under_way = self.under_way();
            under_way.newest = under_way.newest.max(now);
            let of_owner = under_way.creations.values().filter(|(owner, _)| *owner == (org, mode));
            (under_way.newest, of_owner.map(|(_, ending)| ending.clone()).collect::<Vec<_>>())
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

    /// Runs `creation` to its end, also where nobody waits for it any more. Only then has it ended.
    ///
    /// # Errors
    /// Where it broke.
    pub async fn during<T: Send + 'static>(
        self,
        creation: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let creating = tokio::spawn(async move {
            let done = creation.await;
            drop(self);
            done
        });
        creating.await.map_err(|died| Unavailable(format!("the creation did not end: {died}")))
    }
}

impl Drop for CreationGuard {
    fn drop(&mut self) {
        self.births.under_way().creations.remove(&self.ticket);
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
        let births = Arc::new(PendingCreations::default());
        let terms = Arc::clone(&sample::payout(1).terms);
        let begin = |seconds| births.begin(terms.org, terms.mode, sample::at(seconds));
        let first = begin(10);
        assert_eq!(first.at(), sample::at(10));
        let second = begin(10);
        assert!(second.at() > first.at(), "no two at one time");
        drop((first, second));
        assert!(begin(5).at() > sample::at(10), "a clock that goes back");
        let until = births.settled(terms.org, terms.mode, sample::at(20)).await;
        assert_eq!(until, sample::at(20));
        assert!(begin(20).at() > until);
        assert!(
            births.settled(terms.org, terms.mode, sample::at(0)).await > until,
            "what was seen is not lost"
        );
        assert!(births.under_way().creations.is_empty());
    }

    #[tokio::test]
    async fn ones_own_creations_under_way_are_waited_for() {
        let births = Arc::new(PendingCreations::default());
        let org = sample::payout(1).terms.org;
        let birth = births.begin(org, Mode::Live, sample::at(0));
        let (open, opened) = tokio::sync::oneshot::channel::<()>();
        let creating = tokio::spawn(birth.during(opened));
        assert!(timeout(A_MOMENT, births.settled(org, Mode::Live, sample::at(1))).await.is_err());
        births.settled(org, Mode::Test, sample::at(1)).await;
        // Whoever asked for it going away does not end it.
        creating.abort();
        assert!(timeout(A_MOMENT, births.settled(org, Mode::Live, sample::at(1))).await.is_err());
        open.send(()).unwrap();
        births.settled(org, Mode::Live, sample::at(1)).await;
    }
}
