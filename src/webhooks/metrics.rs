//! What is counted.

use super::{Attempt, DisabledReason, WaitingDeliveries};
use payoutd_domain::Timestamp;

pub(super) fn attempted(attempt: &Attempt) {
    ::metrics::counter!("payoutd_webhook_attempts_total", "result" => attempt.label()).increment(1);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of one attempt are few")]
    let seconds = attempt.duration_ms as f64 / 1000.0;
    ::metrics::histogram!("payoutd_webhook_attempt_seconds").record(seconds);
}

pub(super) fn disabled(reason: DisabledReason) {
    ::metrics::counter!("payoutd_webhook_disabled_total", "reason" => reason.as_str()).increment(1);
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
pub(super) fn waiting(found: WaitingDeliveries, now: Timestamp) {
    let lag = found.oldest_due.map_or(0.0, |oldest| now.seconds_since(oldest).max(0.0));
    ::metrics::gauge!("payoutd_webhook_deliveries_waiting").set(found.waiting as f64);
    ::metrics::gauge!("payoutd_webhook_lag_seconds").set(lag);
    ::metrics::gauge!("payoutd_webhook_endpoints_disabled").set(found.disabled_endpoints as f64);
}

/// Says what the names mean, once a recorder is in place.
pub fn describe() {
    use ::metrics::{describe_counter as counter, describe_gauge as gauge, describe_histogram as histogram};
    counter!("payoutd_webhook_attempts_total", "Webhooks sent, by result.");
    histogram!("payoutd_webhook_attempt_seconds", "How long sending one webhook took.");
    gauge!("payoutd_webhook_deliveries_waiting", "Deliveries waiting for their first or next attempt.");
    gauge!("payoutd_webhook_lag_seconds", "How overdue the most overdue delivery is.");
    gauge!("payoutd_webhook_endpoints_disabled", "Endpoints that are disabled.");
    counter!("payoutd_webhook_disabled_total", "Endpoints disabled, by reason.");
}
