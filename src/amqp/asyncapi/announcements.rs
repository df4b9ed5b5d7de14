//! Messages out: the changes of payouts.

use payoutd_domain::ChangeKind;
use serde_json::{Map, Value, json};

use super::channels::headers;
use super::reports::name;
use crate::contracts::Schemas;
use crate::wire::CloudEvent;

/// Every type, with what it says and an example.
pub(super) const TYPES: [(ChangeKind, &str, &str); 6] = [
    (ChangeKind::Created, "A payout was created: send the funds", include_str!("examples/created.json")),
    (ChangeKind::Broadcast, "A transaction is out", include_str!("examples/broadcast.json")),
    (ChangeKind::Delivered, "The recipient has the funds", include_str!("examples/delivered.json")),
    (ChangeKind::Failed, "It will not arrive", include_str!("examples/failed.json")),
    (
        ChangeKind::Updated,
        "The estimate moved, or a further transaction was seen",
        include_str!("examples/updated.json"),
    ),
    (ChangeKind::Late, "The estimate has passed", include_str!("examples/late.json")),
];

/// Every message.
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
        "examples": [{ "name": name(kind), "summary": summary, "payload": example }],
        "bindings": { "amqp": { "messageType": kind, "bindingVersion": "0.3.0" } },
    });
    (name(kind), message)
}
