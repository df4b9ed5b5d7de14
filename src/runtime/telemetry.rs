//! Logs and metrics.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat};

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter does not parse.
    #[error("the configuration is refused: log.filter {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Another subscriber is in place.
    #[error(transparent)]
    Subscriber(#[from] tracing_subscriber::util::TryInitError),
    /// The metrics recorder could not be put in place.
    #[error(transparent)]
    Metrics(#[from] BuildError),
}

/// Sends logs to standard error, as configured.
///
/// # Errors
/// Where the filter does not parse.
pub fn start_logs(config: &Log) -> Result<(), TelemetryError> {
    let filter = EnvFilter::builder().parse(&config.filter)?;
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(true);
    match config.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).finish().try_init()?,
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init()?,
    }
    Ok(())
}

/// Upper bounds of latency buckets, in seconds.
const SECONDS: [f64; 14] =
    [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];
/// Upper bounds of batch size buckets.
const SIZES: [f64; 11] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0];

/// Puts the metrics recorder in place. The handle renders `/metrics`.
///
/// # Errors
/// Where another recorder is in place already.
pub fn start_metrics() -> Result<PrometheusHandle, TelemetryError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".into()), &SIZES)?
        .install_recorder()?;
    describe();
    Ok(handle)
}

fn describe() {
    use metrics::{describe_counter as counter, describe_gauge as gauge, describe_histogram as histogram};
    gauge!("payoutd_actors_live", "Payout actors alive.");
    counter!("payoutd_actors_spawned_total", "Payout actors spawned.");
    counter!("payoutd_actors_restored_total", "Payouts loaded from their rows.");
    counter!("payoutd_actors_passivated_total", "Payout actors stopped because idle, ended or too many.");
    counter!("payoutd_actors_restarted_total", "Payout actors spawned in place of one that failed.");
    counter!("payoutd_actors_quarantined_total", "Payouts left alone after repeated failures.");
    gauge!("payoutd_group_commit_depth", "Writes waiting when a batch was taken, by kind.");
    histogram!("payoutd_group_commit_batch_size", "Writes in a batch, by kind.");
    histogram!("payoutd_group_commit_wait_seconds", "How long a write waited for its batch, by kind.");
    histogram!("payoutd_group_commit_seconds", "How long a batch took, by kind.");
    counter!("payoutd_commit_conflicts_total", "Commits refused because the row had moved on.");
    counter!("payoutd_commits_unknown_total", "Commits whose outcome nobody could tell.");
    counter!("payoutd_transitions_total", "Changes of status, by from and to.");
    counter!("payoutd_reports_total", "Reports with a recorded outcome, by type and outcome.");
    counter!("payoutd_attention_total", "Refused reports that marked their payout for operators.");
    gauge!("payoutd_http_held_requests", "Polls and streams held open until their payout moves.");
    counter!(
        "payoutd_http_held_requests_refused_total",
        "Polls and streams refused because too many were held."
    );
    gauge!("payoutd_outbox_waiting", "Announcements not yet published.");
    gauge!("payoutd_outbox_lag_seconds", "Age of the oldest announcement not yet published.");
    counter!("payoutd_outbox_published_total", "Announcements published and confirmed, by mode.");
    counter!("payoutd_outbox_failed_rounds_total", "Relay rounds in which something was not published.");
    crate::webhooks::describe();
}
