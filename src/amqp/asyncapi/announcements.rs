//! Messages out: the changes of payouts.

use payoutd_domain::AnnouncementKind;
use serde_json::{Map, Value, json};

use super::channels::headers;
use super::reports::name;
use crate::contracts::Schemas;
use crate::wire::CloudEvent;

/// Every type, with what it says and an example.
pub(super) const TYPES: [(AnnouncementKind, &str, &str); 6] = [
    (
        AnnouncementKind::Created,
        "A payout was created: send the funds",
        include_str!("examples/created.json"),
    ),
    (AnnouncementKind::Broadcast, "A transaction is out", include_str!("examples/broadcast.json")),
    (AnnouncementKind::Delivered, "The recipient has the funds", include_str!("examples/delivered.json")),
    (AnnouncementKind::Failed, "It will not arrive", include_str!("examples/failed.json")),
    (
        AnnouncementKind::Updated,
        "The estimate moved, or a further transaction was seen",
        include_str!("examples/updated.json"),
    ),
    (AnnouncementKind::Late, "The estimate has passed", include_str!("examples/late.json")),
];

/// Every message.
pub(super) fn messages(schemas: &mut Schemas) -> Map<String, Value> {
    let event = schemas.sent::<CloudEvent<'_>>();
    TYPES.iter().map(|(kind, summary, example)| message(&event, *kind, summary, example)).collect()
}

fn message(event: &Value, kind: AnnouncementKind, summary: &str, example: &str) -> (String, Value) {
    let kind = kind.as_str();
    let mut payload = json!({ "allOf": [event], "properties": { "type": { "const": kind } } });
    if kind == AnnouncementKind::Created.as_str() {
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
