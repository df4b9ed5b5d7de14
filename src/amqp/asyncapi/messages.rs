//! Names and headers that all messages share.

use serde_json::{Map, Value, json};

/// The camel-case name of a message type: `chain.broadcast` becomes `chainBroadcast`.
pub(super) fn message_name(kind: &str) -> String {
    let mut name = String::new();
    for (index, part) in kind.split('.').enumerate() {
        let mut rest = part.chars();
        match rest.next() {
            Some(first) if index > 0 => name.extend(first.to_uppercase()),
            Some(first) => name.push(first),
            None => {}
        }
        name.push_str(rest.as_str());
    }
    name
}

/// The schema of the headers that payoutd reads and writes.
pub(super) fn headers() -> Value {
    let traceparent = json!({
        "type": "string",
        "description": "W3C Trace Context.",
        "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
        "examples": ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
    });
    json!({ "type": "object", "properties": Map::from_iter([("traceparent".to_owned(), traceparent)]) })
}
