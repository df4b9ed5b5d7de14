//! The quarantine: a payout whose actor fails repeatedly gets no actor for a while.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use tokio::time::Instant;

use payoutd_domain::PayoutId;

struct Failures {
    consecutive: u32,
    last: Instant,
}

/// The recent failures of each payout's actors.
pub(super) struct Quarantine {
    limit: u32,
    duration: Duration,
    failures: HashMap<PayoutId, Failures>,
}

impl Quarantine {
    pub(super) fn new(limit: u32, duration: Duration) -> Self {
        Self { limit: limit.max(1), duration, failures: HashMap::new() }
    }

    pub(super) fn record_failure(&mut self, id: PayoutId, error: &impl Display) {
        let now = Instant::now();
        let failures = self.failures.entry(id).or_insert(Failures { consecutive: 0, last: now });
        failures.consecutive += 1;
        failures.last = now;
        let count = failures.consecutive;
        if count >= self.limit {
            metrics::counter!("payoutd_actors_quarantined_total").increment(1);
            tracing::error!(payout = %id, %error, count, "the payout's actor failed repeatedly: quarantined");
        } else {
            tracing::error!(payout = %id, %error, count, "the payout's actor failed and will be replaced");
        }
    }

    /// Whether the payout gets no actor now. After the quarantine one attempt is allowed.
    pub(super) fn is_quarantined(&mut self, id: PayoutId) -> bool {
        let Some(failures) = self.failures.get_mut(&id).filter(|f| f.consecutive >= self.limit) else {
            return false;
        };
        if failures.last.elapsed() < self.duration {
            return true;
        }
        failures.consecutive = self.limit - 1;
        false
    }

    pub(super) fn has_failed(&self, id: PayoutId) -> bool {
        self.failures.contains_key(&id)
    }

    /// Removes the failures of a payout whose actor stopped without an error.
    pub(super) fn reset_failures(&mut self, id: PayoutId) {
        self.failures.remove(&id);
    }

    /// Removes the failures of payouts that have not failed since a quarantine would have ended.
    pub(super) fn remove_expired(&mut self) {
        self.failures.retain(|_, failures| failures.last.elapsed() < self.duration * 2);
    }
}
