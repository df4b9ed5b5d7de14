//! The metrics and log messages of reports and status transitions.

use crate::reply::Receipt;
use payoutd_domain::{Outcome, PayoutId, Report, Status};

/// Counts a status transition.
pub(super) fn record_transition(from: Status, to: Status) {
    if from != to {
        let (from, to) = (from.as_str(), to.as_str());
        metrics::counter!("payoutd_transitions_total", "from" => from, "to" => to).increment(1);
    }
}

/// Counts and logs a report whose outcome is recorded.
pub(super) fn record_report(id: PayoutId, report: &Report, receipt: Receipt, status: Status) {
    let Receipt { outcome, sequence } = receipt;
    let kind = report.kind.name();
    metrics::counter!("payoutd_reports_total", "type" => kind, "outcome" => outcome.name()).increment(1);
    let (source, report_id) = (&*report.key.source, &*report.key.id);
    match outcome {
        Outcome::Applied => {
            let (status, sequence) = (status.as_str(), sequence.0);
            tracing::info!(payout = %id, source, report = report_id, kind, status, sequence, "applied a report");
        }
        Outcome::Unchanged(reason) => {
            tracing::info!(payout = %id, source, report = report_id, kind, ?reason, "a report changed nothing");
        }
        Outcome::Refused(reason) => {
            metrics::counter!("payoutd_attention_total").increment(1);
            tracing::warn!(
                payout = %id, source, report = report_id, kind, ?reason,
                "refused a report; the payout needs attention"
            );
        }
    }
}
