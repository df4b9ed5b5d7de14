//! Writes a report as a message, in the format of chain watchers.

use payoutd_domain::{
    BroadcastReport, DeliveredReport, FailedFunds, FailedReport, Leg, PayoutId, ProgressReport, Report,
    ReportKind, TxHash,
};
use serde_json::{Map, Value, json};

/// The content type of `CloudEvents` in structured JSON.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// Writes the report in `CloudEvents` structured JSON. Reading it returns an equal report.
#[must_use]
pub fn report_message(payout: PayoutId, report: &Report) -> String {
    json!({
        "specversion": "1.0",
        "id": &*report.key.id,
        "source": &*report.key.source,
        "type": format!("chain.{}", report.kind.name()),
        "subject": payout.to_string(),
        "time": report.time.to_string(),
        "datacontenttype": "application/json",
        "data": data(&report.kind),
    })
    .to_string()
}

fn data(kind: &ReportKind) -> Value {
    let mut fields = match kind {
        ReportKind::Broadcast(report) => broadcast(report),
        ReportKind::Progress(report) => progress(report),
        ReportKind::Delivered(report) => delivered(report),
        ReportKind::Failed(report) => failed(report),
    };
    fields.retain(|_, value| !value.is_null());
    Value::Object(fields)
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn broadcast(report: &BroadcastReport) -> Map<String, Value> {
    object([
        ("network", json!(report.transaction.network.as_str())),
        ("tx_hash", json!(report.transaction.tx_hash.as_str())),
        ("leg", json!(report.leg.map(leg_name))),
        ("estimated_seconds", json!(report.estimated_seconds)),
    ])
}

fn progress(report: &ProgressReport) -> Map<String, Value> {
    object([
        ("network", json!(report.network.as_str())),
        ("tx_hash", json!(report.tx_hash.as_ref().map(TxHash::as_str))),
        ("confirmations", json!(report.confirmations)),
        ("required_confirmations", json!(report.required_confirmations)),
        ("estimated_seconds", json!(report.estimated_seconds)),
        ("replaced_by", json!(report.replaced_by.as_ref().map(TxHash::as_str))),
    ])
}

fn delivered(report: &DeliveredReport) -> Map<String, Value> {
    object([
        ("network", json!(report.transaction.network.as_str())),
        ("tx_hash", json!(report.transaction.tx_hash.as_str())),
        ("recipient_amount", json!(report.recipient_amount.map(|amount| amount.to_string()))),
        ("fees_paid_usd", json!(report.fees_paid_usd.map(|usd| usd.to_string()))),
        ("confirmations", json!(report.confirmations)),
    ])
}

fn failed(report: &FailedReport) -> Map<String, Value> {
    object([
        ("code", json!(&*report.code)),
        ("message", json!(&*report.message)),
        ("network", json!(report.network.as_ref().map(|network| network.as_str().to_owned()))),
        ("tx_hash", json!(report.tx_hash.as_ref().map(TxHash::as_str))),
        ("funds", json!(report.funds.map(funds_name))),
        ("reversal", json!(report.reversal.then_some(true))),
    ])
}

pub(super) fn leg_name(leg: Leg) -> &'static str {
    match leg {
        Leg::Source => "source",
        Leg::Bridge => "bridge",
        Leg::Destination => "destination",
    }
}

pub(super) fn funds_name(funds: FailedFunds) -> &'static str {
    match funds {
        FailedFunds::NotSent => "not_sent",
        FailedFunds::Returned => "returned",
        FailedFunds::Unknown => "unknown",
    }
}
