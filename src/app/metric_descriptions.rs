//! The descriptions of the metrics, for `/metrics`.

use metrics::{describe_counter as counter, describe_gauge as gauge, describe_histogram as histogram};

use crate::webhooks;

/// Registers the descriptions with the installed recorder.
pub(super) fn describe_metrics() {
    gauge!("payoutd_actors_live", "Payout actors in memory.");
    counter!("payoutd_actors_spawned_total", "Payout actors spawned.");
    counter!("payoutd_actors_restored_total", "Payouts loaded from the database.");
    counter!("payoutd_actors_passivated_total", "Payout actors stopped because of idleness or the limit.");
    counter!("payoutd_actors_restarted_total", "Payout actors spawned after a failure.");
    counter!("payoutd_actors_quarantined_total", "Payouts quarantined after consecutive failures.");
    gauge!("payoutd_group_commit_depth", "Writes queued when a batch was taken, by kind.");
    histogram!("payoutd_group_commit_batch_size", "Writes in a batch, by kind.");
    histogram!("payoutd_group_commit_wait_seconds", "Time that a write waited for its batch, by kind.");
    histogram!("payoutd_group_commit_seconds", "Duration of the commit of a batch, by kind.");
    counter!("payoutd_commit_conflicts_total", "Commits rejected because of a version conflict.");
    counter!("payoutd_commits_unknown_total", "Commits with an unknown outcome.");
    counter!("payoutd_transitions_total", "Status transitions, by previous and new status.");
    counter!("payoutd_reports_total", "Reports with a recorded outcome, by type and outcome.");
    counter!("payoutd_attention_total", "Refused reports that marked their payout for attention.");
    gauge!("payoutd_http_held_requests", "Open long polls and event streams.");
    counter!(
        "payoutd_http_held_requests_refused_total",
        "Long polls and event streams refused by the limit."
    );
    gauge!("payoutd_outbox_waiting", "Outbox messages that are not published.");
    gauge!("payoutd_outbox_lag_seconds", "Age of the oldest outbox message that is not published.");
    counter!("payoutd_outbox_published_total", "Outbox messages published and confirmed, by mode.");
    counter!("payoutd_outbox_failed_rounds_total", "Relay rounds in which a publication failed.");
    webhooks::describe();
}
