//! Examples of requests, responses and events, each in a file of its own.

use serde_json::{Map, Value, json};

pub(super) struct Example {
    name: &'static str,
    summary: &'static str,
    json: &'static str,
}

impl Example {
    pub(super) fn value(&self) -> Value {
        serde_json::from_str(self.json).unwrap_or_default()
    }
}

/// An object of examples by name.
pub(super) fn named(examples: &[&Example]) -> Value {
    let entry = |example: &&Example| {
        (example.name.to_owned(), json!({ "summary": example.summary, "value": example.value() }))
    };
    examples.iter().map(entry).collect::<Map<_, _>>().into()
}

macro_rules! examples {
    ($($constant:ident: $name:literal, $summary:literal;)+) => {$(
        pub(super) const $constant: Example = Example {
            name: $name,
            summary: $summary,
            json: include_str!(concat!("examples/", $name, ".json")),
        };
    )+};
}

pub(super) const NOTHING: Example = Example { name: "nothing", summary: "Nothing", json: "{}" };

examples! {
    QUOTE_REQUEST: "quote_request", "25 USDT to an address on Tron";
    QUOTE_REQUEST_WITH_HINT: "quote_request_with_hint", "100.50 USDC to an EVM address, on Polygon";
    QUOTE: "quote", "A transfer on one network";
    QUOTE_WITH_RECOMMENDATION: "quote_with_recommendation", "A bridge, and a cheaper network for the same address";
    NEW_PAYOUT: "new_payout", "The quote";
    CREATED_PAYOUT: "created_payout", "The payout at its creation";
    PAYOUT_BROADCAST: "payout_broadcast", "On its way";
    PAYOUT_DELIVERED: "payout_delivered", "Delivered";
    PAYOUT_FAILED: "payout_failed", "Failed, and the funds never left";
    PAYOUTS: "payouts", "One payout, and more on the next page";
    NEW_ENDPOINT: "new_endpoint", "The usual events";
    NEW_ENDPOINT_FOR_EVERYTHING: "new_endpoint_for_everything", "Every event";
    ENDPOINT: "endpoint", "An endpoint that is well";
    ENDPOINT_WITH_SECRET: "endpoint_with_secret", "An endpoint with its new secret";
    ENDPOINT_DISABLED: "endpoint_disabled", "An endpoint that answered 410";
    ENDPOINTS: "endpoints", "All endpoints";
    DELIVERIES: "deliveries", "One delivered event, and one that is tried again";
    REPLAY_CHANGE: "replay_change", "One event";
    REPLAY_PAYOUT: "replay_payout", "All events of one payout";
    REPLAY_SINCE: "replay_since", "All events since a time";
    REPLAY: "replay", "Three deliveries";
    TEST: "test", "The endpoint took it";
    EVENT_BROADCAST: "event_broadcast", "The transaction is out";
    EVENT_DELIVERED: "event_delivered", "The recipient has the funds";
    EVENT_FAILED: "event_failed", "The payout failed";
    EVENT_UPDATED: "event_updated", "The estimate moved";
    EVENT_LATE: "event_late", "The estimate has passed";
    EVENT_TEST: "event_test", "A test";
}
