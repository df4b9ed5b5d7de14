//! What operators see of a report.

use crate::payout::{Outcome, PayoutId, Report};

/// Counts a report's recorded outcome and writes it to the log.
pub(super) fn observe_report(id: PayoutId, report: &Report, outcome: Outcome) {
    let kind = report.kind.name();
    metrics::counter!("payoutd_reports_total", "type" => kind, "outcome" => outcome.name()).increment(1);
    let (source, report_id) = (&*report.key.source, &*report.key.id);
    match outcome {
        Outcome::Applied => {
            tracing::info!(payout = %id, source, report = report_id, kind, "applied a report");
        }
        Outcome::Unchanged(reason) => {
            tracing::info!(payout = %id, source, report = report_id, kind, ?reason, "a report changed nothing");
        }
        Outcome::Refused(reason) => {
            metrics::counter!("payoutd_attention_total").increment(1);
            tracing::warn!(payout = %id, source, report = report_id, kind, ?reason, "refused a report: attention");
        }
    }
}
