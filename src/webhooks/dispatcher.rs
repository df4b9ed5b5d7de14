//! The dispatcher: reads the deliveries that are due and starts one attempt for each.

mod concurrency_limiter;
mod delivery_runner;
mod maintenance;
mod options;
mod sandbox_behavior;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use payoutd_actors::ports::{Stored, Unavailable};
use payoutd_domain::PayoutId;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::{DueDelivery, EndpointId};
use crate::runtime::shutdown::Shutdown;
use concurrency_limiter::ConcurrencyLimiter;
use delivery_runner::DeliveryRunner;
use maintenance::Maintenance;
pub use options::{DispatcherLimits, DispatcherOptions};

/// Sends the deliveries that are due. A database has exactly one dispatcher.
pub struct Dispatcher {
    options: DispatcherOptions,
    runner: Arc<DeliveryRunner>,
    limiter: ConcurrencyLimiter,
    attempts: JoinSet<bool>,
    /// The delivery of each task in `attempts`.
    in_flight: HashMap<Id, (EndpointId, i64)>,
}

/// The maintenance task exited before shutdown was requested.
#[derive(Debug, thiserror::Error)]
#[error("the webhook maintenance task exited: {0}")]
pub struct MaintenanceExited(String);

/// After a wakeup the dispatcher waits before it queries the store, so that many commits share one query. The wait is a
/// multiple of the duration of the last query, which bounds the store's load.
const COALESCE_FACTOR: u32 = 10;
const MIN_COALESCE: Duration = Duration::from_millis(2);
const MAX_COALESCE: Duration = Duration::from_millis(100);
/// The pause after a query that failed.
const STORE_RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How long the dispatcher leaves a delivery alone after the task of its attempt panicked.
const PANIC_PAUSE: Duration = Duration::from_secs(60);
/// The most deliveries that one query returns.
const MAX_DUE: u32 = 1000;

impl Dispatcher {
    #[must_use]
    pub fn new(options: DispatcherOptions) -> Self {
        let runner = Arc::new(DeliveryRunner::new(&options));
        let limiter = ConcurrencyLimiter::new(options.limits);
        Self { options, runner, limiter, attempts: JoinSet::new(), in_flight: HashMap::new() }
    }

    /// Sends until shutdown is requested, then waits for the attempts in flight, each of which has a deadline.
    ///
    /// # Errors
    /// Returns `MaintenanceExited` if the maintenance task exits or panics before shutdown is requested.
    pub async fn run(mut self, mut shutdown: Shutdown) -> Result<(), MaintenanceExited> {
        let mut maintenance = JoinSet::new();
        maintenance.spawn(Maintenance::new(&self.options).run(shutdown.clone()));
        let mut result = Ok(());
        while !shutdown.is_requested() {
            let began = Instant::now();
            let started = self.start_due_deliveries().await;
            let coalesce = (began.elapsed() * COALESCE_FACTOR).clamp(MIN_COALESCE, MAX_COALESCE);
            let pause = match started {
                Ok(()) => self.options.limits.poll_interval,
                Err(error) => {
                    tracing::warn!(%error, "could not read the webhook deliveries that are due; trying again");
                    STORE_RETRY_PAUSE
                }
            };
            tokio::select! {
                () = shutdown.requested() => break,
                () = self.options.wakeup.notified() => {}
                Some(ended) = self.attempts.join_next_with_id() => self.attempt_ended(ended),
                Some(exit) = maintenance.join_next() => {
                    // At shutdown the maintenance task may exit before this loop observes the request.
                    if !shutdown.is_requested() {
                        result = Err(MaintenanceExited(exit_reason(&exit)));
                    }
                    break;
                }
                () = tokio::time::sleep(pause) => {}
            }
            tokio::time::sleep(coalesce).await;
            while let Some(ended) = self.attempts.try_join_next_with_id() {
                self.attempt_ended(ended);
            }
        }
        self.in_flight.clear();
        while self.attempts.join_next().await.is_some() {}
        result
    }

    /// Starts an attempt for each delivery that is due and within the limits.
    async fn start_due_deliveries(&mut self) -> Result<(), Unavailable> {
        if self.limiter.is_full() {
            return Ok(());
        }
        let now = self.options.clock.now();
        let busy = self.limiter.busy();
        let per_endpoint = u32::try_from(self.options.limits.per_endpoint * 2).unwrap_or(u32::MAX);
        let due = self.options.store.due_deliveries(now, per_endpoint, MAX_DUE, &busy).await?;
        let limiter = &mut self.limiter;
        let starting: Vec<DueDelivery> = due
            .into_iter()
            .filter(|due| {
                limiter.acquire(due.endpoint.id, due.delivery.id, due.endpoint.failing_since.is_some())
            })
            .collect();
        if starting.is_empty() {
            return Ok(());
        }
        let mut ids: Vec<PayoutId> = starting.iter().map(|due| due.delivery.payout_id).collect();
        ids.sort_unstable();
        ids.dedup();
        match self.options.journal.load(&ids).await {
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
                    let healthy = due.endpoint.failing_since.is_none();
                    self.limiter.release(due.endpoint.id, due.delivery.id, healthy);
                }
                Err(error)
            }
        }
    }

    fn start(&mut self, due: DueDelivery, payout: Option<Arc<Stored>>) {
        let key = (due.endpoint.id, due.delivery.id);
        let runner = Arc::clone(&self.runner);
        let handle = self.attempts.spawn(async move { runner.deliver(due, payout).await });
        self.in_flight.insert(handle.id(), key);
    }

    fn attempt_ended(&mut self, ended: Result<(Id, bool), JoinError>) {
        match ended {
            Ok((task, healthy)) => {
                if let Some((endpoint, delivery)) = self.in_flight.remove(&task) {
                    self.limiter.release(endpoint, delivery, healthy);
                }
            }
            Err(error) => {
                tracing::error!(%error, pause = ?PANIC_PAUSE, "a webhook attempt panicked; pausing its delivery");
                if let Some(key) = self.in_flight.remove(&error.id()) {
                    let handle = self.attempts.spawn(async {
                        tokio::time::sleep(PANIC_PAUSE).await;
                        false
                    });
                    self.in_flight.insert(handle.id(), key);
                }
            }
        }
    }
}

fn exit_reason(exit: &Result<(), JoinError>) -> String {
    match exit {
        Ok(()) => "it returned".to_owned(),
        Err(error) => error.to_string(),
    }
}
