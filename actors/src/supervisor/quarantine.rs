//! Payouts whose actors fail again and again are left alone for a while.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use tokio::time::Instant;

use payoutd_domain::PayoutId;

struct Failures {
    in_a_row: u32,
    last: Instant,
}

/// Who failed how often, for as long as that matters.
pub(super) struct Quarantine {
    limit: u32,
    lasts: Duration,
    failures: HashMap<PayoutId, Failures>,
}

impl Quarantine {
    pub(super) fn new(limit: u32, lasts: Duration) -> Self {
        Self { limit: limit.max(1), lasts, failures: HashMap::new() }
    }

    pub(super) fn failed(&mut self, id: PayoutId, error: &impl Display) {
        let now = Instant::now();
        let failures = self.failures.entry(id).or_insert(Failures { in_a_row: 0, last: now });
        failures.in_a_row += 1;
        failures.last = now;
        let count = failures.in_a_row;
        if count >= self.limit {
            metrics::counter!("payoutd_actors_quarantined_total").increment(1);
            tracing::error!(payout = %id, %error, count, "the payout's actor keeps failing: quarantined");
        } else {
            tracing::error!(payout = %id, %error, count, "the payout's actor failed; it will be replaced");
        }
    }

    /// Whether a payout is to be left alone. After the quarantine one more try is free.
    pub(super) fn holds(&mut self, id: PayoutId) -> bool {
        let Some(failures) = self.failures.get_mut(&id).filter(|f| f.in_a_row >= self.limit) else {
            return false;
        };
        if failures.last.elapsed() < self.lasts {
            return true;
        }
        failures.in_a_row = self.limit - 1;
        false
    }

    pub(super) fn has_failed(&self, id: PayoutId) -> bool {
        self.failures.contains_key(&id)
    }

    /// Its actor stopped in good order.
    pub(super) fn reset_failures(&mut self, id: PayoutId) {
        self.failures.remove(&id);
    }

    /// A payout that behaved for a whole quarantine starts with a clean record.
    pub(super) fn forget_old_failures(&mut self) {
        self.failures.retain(|_, failures| failures.last.elapsed() < self.lasts * 2);
    }
}
