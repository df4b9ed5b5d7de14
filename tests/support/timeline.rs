//! The timeline of a payout's JSON object.

use serde_json::Value;

/// The status of each entry.
pub(crate) fn timeline_statuses(payout: &Value) -> Vec<&str> {
    entries(payout).iter().map(|entry| entry["status"].as_str().expect("text")).collect()
}

/// The sequence of each entry.
pub(crate) fn timeline_sequences(payout: &Value) -> Vec<i64> {
    entries(payout).iter().map(|entry| entry["sequence"].as_i64().expect("a number")).collect()
}

fn entries(payout: &Value) -> &[Value] {
    payout["timeline"].as_array().expect("a list")
}
