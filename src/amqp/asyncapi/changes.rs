//! The messages that payoutd publishes: changes of payouts.

use payoutd_domain::ChangeKind;
use serde_json::{Map, Value, json};

use super::messages::{headers, message_name};
use crate::contracts::Schemas;
use crate::wire::CloudEvent;

/// Each event type with its summary and its example.
pub(super) const TYPES: [(ChangeKind, &str, &str); 6] = [
    (
        ChangeKind::Created,
        "A payout was created; the funds are to be sent",
        include_str!("examples/created.json"),
    ),
    (ChangeKind::Broadcast, "A transaction was broadcast", include_str!("examples/broadcast.json")),
    (ChangeKind::Delivered, "The recipient has the funds", include_str!("examples/delivered.json")),
    (ChangeKind::Failed, "The payout failed", include_str!("examples/failed.json")),
    (
        ChangeKind::Updated,
        "The estimate changed, or another transaction was reported",
        include_str!("examples/updated.json"),
    ),
    (ChangeKind::Late, "The estimated time has passed", include_str!("examples/late.json")),
];

pub(super) fn messages(schemas: &mut Schemas) -> Map<String, Value> {
    let event = schemas.sent::<CloudEvent<'_>>();
    TYPES.iter().map(|(kind, summary, example)| message(&event, *kind, summary, example)).collect()
}

fn message(event: &Value, kind: ChangeKind, summary: &str, example: &str) -> (String, Value) {
    let kind = kind.as_str();
    let mut payload = json!({ "allOf": [event], "properties": { "type": { "const": kind } } });
    if kind == ChangeKind::Created.as_str() {
        payload["properties"]["data"] = json!({ "required": ["instruction"] });
    }
    let example: Value = serde_json::from_str(example).unwrap_or_default();
    let message = json!({
        "name": kind,
        "title": kind,
        "summary": summary,
        "contentType": "application/cloudevents+json",
        "headers": headers(),
        "payload": payload,
        "examples": [{ "name": message_name(kind), "summary": summary, "payload": example }],
        "bindings": { "amqp": { "messageType": kind, "bindingVersion": "0.3.0" } },
    });
    (message_name(kind), message)
}
