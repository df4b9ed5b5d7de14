//! Metrics of webhook deliveries.

use super::{Attempt, DeliveryBacklog, DisabledReason};
use payoutd_domain::Timestamp;

pub(super) fn count_attempt(attempt: &Attempt) {
    ::metrics::counter!("payoutd_webhook_attempts_total", "result" => attempt.label()).increment(1);
    #[expect(
        clippy::cast_precision_loss,
        reason = "the duration of an attempt is a few thousand milliseconds"
    )]
    let seconds = attempt.duration_ms as f64 / 1000.0;
    ::metrics::histogram!("payoutd_webhook_attempt_seconds").record(seconds);
}

pub(super) fn count_disabled(reason: DisabledReason) {
    ::metrics::counter!("payoutd_webhook_disabled_total", "reason" => reason.as_str()).increment(1);
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
pub(super) fn set_backlog(backlog: DeliveryBacklog, now: Timestamp) {
    let lag = backlog.oldest_due.map_or(0.0, |oldest| now.seconds_since(oldest).max(0.0));
    ::metrics::gauge!("payoutd_webhook_deliveries_waiting").set(backlog.waiting as f64);
    ::metrics::gauge!("payoutd_webhook_lag_seconds").set(lag);
    ::metrics::gauge!("payoutd_webhook_endpoints_disabled").set(backlog.disabled_endpoints as f64);
}

/// Registers the descriptions of the metrics with the installed recorder.
pub fn describe() {
    use ::metrics::{describe_counter as counter, describe_gauge as gauge, describe_histogram as histogram};
    counter!("payoutd_webhook_attempts_total", "Webhook attempts, by result.");
    histogram!("payoutd_webhook_attempt_seconds", "Duration of a webhook attempt.");
    gauge!(
        "payoutd_webhook_deliveries_waiting",
        "Webhook deliveries that wait for their first or next attempt."
    );
    gauge!("payoutd_webhook_lag_seconds", "Time since the most overdue webhook delivery became due.");
    gauge!("payoutd_webhook_endpoints_disabled", "Webhook endpoints that are disabled.");
    counter!("payoutd_webhook_disabled_total", "Webhook endpoints that were disabled, by reason.");
}
