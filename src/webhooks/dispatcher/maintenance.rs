//! Periodic maintenance of deliveries: gauges, retention, and deliveries that a concurrent commit left deferred.

use std::sync::Arc;
use std::time::Duration;

use payoutd_actors::ports::Clock;
use payoutd_domain::Timestamp;
use tokio::time::{Instant, MissedTickBehavior};

use super::DispatcherOptions;
use crate::runtime::shutdown::Shutdown;
use crate::webhooks::{WebhookStore, metrics};

/// The interval between updates of the gauges.
pub(super) const GAUGE_INTERVAL: Duration = Duration::from_secs(5);
/// The number of gauge updates for each call of [`WebhookStore::maintain_deliveries`].
const GAUGE_UPDATES_PER_MAINTENANCE: u64 = 6;

pub(super) struct Maintenance {
    store: Arc<dyn WebhookStore>,
    clock: Arc<dyn Clock>,
    retention: Duration,
}

impl Maintenance {
    pub(super) fn new(options: &DispatcherOptions) -> Self {
        Self {
            store: Arc::clone(&options.store),
            clock: Arc::clone(&options.clock),
            retention: options.limits.retention,
        }
    }

    /// Runs until shutdown is requested.
    pub(super) async fn run(self, mut shutdown: Shutdown) {
        let mut ticks = tokio::time::interval_at(Instant::now() + GAUGE_INTERVAL, GAUGE_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for update in 1u64.. {
            tokio::select! {
                () = shutdown.requested() => return,
                _ = ticks.tick() => {}
            }
            let now = self.clock.now();
            self.update_gauges(now).await;
            if update % GAUGE_UPDATES_PER_MAINTENANCE == 0 {
                self.maintain_deliveries(now).await;
            }
        }
    }

    async fn update_gauges(&self, now: Timestamp) {
        match self.store.delivery_backlog(now).await {
            Ok(backlog) => metrics::set_backlog(backlog, now),
            Err(error) => tracing::debug!(%error, "could not count the waiting webhook deliveries"),
        }
    }

    async fn maintain_deliveries(&self, now: Timestamp) {
        let retention = i64::try_from(self.retention.as_micros()).unwrap_or(i64::MAX);
        let cutoff =
            Timestamp::from_micros(now.micros().saturating_sub(retention)).unwrap_or(Timestamp::EPOCH);
        if let Err(error) = self.store.maintain_deliveries(now, cutoff).await {
            tracing::debug!(%error, "could not maintain the webhook deliveries; trying again");
        }
    }
}
