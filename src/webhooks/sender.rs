//! The sender: finds deliveries that are due and sees each of them through one attempt.

mod courier;
mod sandbox;
mod slots;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use payoutd_actors::ports::{Clock, Journal, Stored, Unavailable};
use payoutd_domain::{PayoutId, Timestamp};
use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};

use super::{Due, EndpointId, Transport, WebhookStore, metrics};
use crate::runtime::shutdown::Shutdown;
use crate::wire::Renderer;
use courier::DeliveryRunner;
use slots::ConcurrencyLimiter;

/// How much is sent at once, and how often is looked.
#[derive(Debug, Clone, Copy)]
pub struct SenderLimits {
    /// Attempts at once to endpoints that answer well.
    pub well: usize,
    /// Attempts at once to endpoints that failed or were slow last time; one each.
    pub poorly: usize,
    /// Attempts at once to one endpoint.
    pub per_endpoint: usize,
    /// An answer that took longer was slow.
    pub slow: Duration,
    /// How often to look for deliveries that nobody hinted at.
    pub poll: Duration,
    /// How long ended deliveries are kept for the log and for replays.
    pub keep: Duration,
}

impl SenderLimits {
    /// What is usual.
    pub const DEFAULT: Self = Self {
        well: 256,
        poorly: 64,
        per_endpoint: 8,
        slow: Duration::from_secs(3),
        poll: Duration::from_secs(1),
        keep: Duration::from_secs(30 * 24 * 60 * 60),
    };
}

impl Default for SenderLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What the sender works with.
#[derive(Clone)]
pub struct SenderParts {
    /// Where deliveries wait.
    pub store: Arc<dyn WebhookStore>,
    /// Where payouts are recorded.
    pub journal: Arc<dyn Journal>,
    /// What sends.
    pub transport: Arc<Transport>,
    /// Renders payouts.
    pub renderer: Renderer,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Rung when something was committed.
    pub hint: Arc<Notify>,
    /// How much at once.
    pub limits: SenderLimits,
}

/// Sends what is due. There is one of them to a database.
pub struct Sender {
    parts: SenderParts,
    courier: Arc<DeliveryRunner>,
    slots: ConcurrencyLimiter,
    attempts: JoinSet<bool>,
    under_way: HashMap<Id, (EndpointId, i64)>,
}

/// Hints are gathered for a while: many commits are one look. For how long follows from how long a look takes, so that
/// looking never takes more than a small share of the store's time.
const GATHER_FACTOR: u32 = 10;
const SHORTEST_GATHER: Duration = Duration::from_millis(2);
const LONGEST_GATHER: Duration = Duration::from_millis(100);
/// The pause after the store could not be asked.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// How long a delivery is left alone whose attempt broke.
const BROKEN_PAUSE: Duration = Duration::from_secs(60);
/// How often the gauges are set.
const OBSERVE_EVERY: Duration = Duration::from_secs(5);
/// How often there is housekeeping, in rounds of observation.
const TIDY_EVERY: u64 = 6;

impl Sender {
    /// A sender. It does nothing before it runs.
    #[must_use]
    pub fn new(parts: SenderParts) -> Self {
        let courier = Arc::new(DeliveryRunner::new(&parts));
        let slots = ConcurrencyLimiter::new(parts.limits);
        Self { parts, courier, slots, attempts: JoinSet::new(), under_way: HashMap::new() }
    }

    /// Sends until `stop`, then waits for the attempts under way, which have a deadline.
    pub async fn run(mut self, mut stop: Shutdown) {
        let upkeep = tokio::spawn(upkeep(self.parts.clone()));
        while !stop.is_requested() {
            let began = Instant::now();
            let looked = self.look().await;
            let gather = (began.elapsed() * GATHER_FACTOR).clamp(SHORTEST_GATHER, LONGEST_GATHER);
            let pause = match looked {
                Ok(()) => self.parts.limits.poll,
                Err(error) => {
                    tracing::warn!(%error, "could not look for webhooks to send; trying again");
                    STORE_PAUSE
                }
            };
            tokio::select! {
                () = stop.requested() => break,
                () = self.parts.hint.notified() => {}
                Some(ended) = self.attempts.join_next_with_id() => self.ended(ended),
                () = tokio::time::sleep(pause) => {}
            }
            tokio::time::sleep(gather).await;
            while let Some(ended) = self.attempts.try_join_next_with_id() {
                self.ended(ended);
            }
        }
        upkeep.abort();
        self.under_way.clear();
        while self.attempts.join_next().await.is_some() {}
    }

    /// Starts what is due and has room.
    async fn look(&mut self) -> Result<(), Unavailable> {
        if self.slots.is_full() {
            return Ok(());
        }
        let now = self.parts.clock.now();
        let busy = self.slots.busy();
        let per_endpoint = u32::try_from(self.parts.limits.per_endpoint * 2).unwrap_or(u32::MAX);
        let due = self.parts.store.due_deliveries(now, per_endpoint, MOST_AT_A_LOOK, &busy).await?;
        let slots = &mut self.slots;
        let starting: Vec<Due> = due
            .into_iter()
            .filter(|due| slots.take(due.endpoint.id, due.delivery.id, due.endpoint.failing_since.is_some()))
            .collect();
        if starting.is_empty() {
            return Ok(());
        }
        let mut ids: Vec<PayoutId> = starting.iter().map(|due| due.delivery.payout_id).collect();
        ids.sort_unstable();
        ids.dedup();
        match self.parts.journal.load(&ids).await {
            Ok(loaded) => {
                let stored: HashMap<PayoutId, Option<Arc<Stored>>> =
                    ids.into_iter().zip(loaded.into_iter().map(|found| found.map(Arc::new))).collect();
                for due in starting {
                    let payout = stored.get(&due.delivery.payout_id).cloned().flatten();
                    self.start(due, payout);
                }
                Ok(())
            }
            Err(error) => {
                for due in starting {
                    let well = due.endpoint.failing_since.is_none();
                    self.slots.give_back(due.endpoint.id, due.delivery.id, well);
                }
                Err(error)
            }
        }
    }

    fn start(&mut self, due: Due, payout: Option<Arc<Stored>>) {
        let key = (due.endpoint.id, due.delivery.id);
        let courier = Arc::clone(&self.courier);
        let handle = self.attempts.spawn(async move { courier.deliver(due, payout).await });
        self.under_way.insert(handle.id(), key);
    }

    fn ended(&mut self, ended: Result<(Id, bool), JoinError>) {
        match ended {
            Ok((task, well)) => {
                if let Some((endpoint, delivery)) = self.under_way.remove(&task) {
                    self.slots.give_back(endpoint, delivery, well);
                }
            }
            Err(error) => {
                tracing::error!(%error, "an attempt at a webhook broke; it is left alone for a while");
                if let Some(key) = self.under_way.remove(&error.id()) {
                    let handle = self.attempts.spawn(async {
                        tokio::time::sleep(BROKEN_PAUSE).await;
                        false
                    });
                    self.under_way.insert(handle.id(), key);
                }
            }
        }
    }
}

/// The most deliveries found in one look.
const MOST_AT_A_LOOK: u32 = 1000;

/// Sets the gauges and does the housekeeping, for ever.
async fn upkeep(parts: SenderParts) {
    let mut ticks = tokio::time::interval_at(Instant::now() + OBSERVE_EVERY, OBSERVE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 1u64.. {
        ticks.tick().await;
        let now = parts.clock.now();
        match parts.store.waiting_deliveries(now).await {
            Ok(found) => metrics::waiting(found, now),
            Err(error) => tracing::debug!(%error, "could not count waiting webhooks"),
        }
        if round % TIDY_EVERY == 0 {
            let keep = i64::try_from(parts.limits.keep.as_micros()).unwrap_or(i64::MAX);
            let cutoff =
                Timestamp::from_micros(now.micros().saturating_sub(keep)).unwrap_or(Timestamp::EPOCH);
            if let Err(error) = parts.store.tidy_deliveries(now, cutoff).await {
                tracing::debug!(%error, "could not tidy webhooks; trying again");
            }
        }
    }
}
