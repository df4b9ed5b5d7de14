//! The `AsyncAPI` 3 document of all messages: reports, changes and dead letters. Tests compare it with the code
//! that reads and writes the messages.

mod changes;
mod channels;
mod messages;
mod reports;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::settings::TopologyNames;
use crate::contracts::Schemas;

/// The `AsyncAPI` document.
#[must_use]
pub fn asyncapi() -> Value {
    let names = TopologyNames::default();
    let mut schemas = Schemas::new();
    let reports = reports::messages(&mut schemas);
    let changes = changes::messages(&mut schemas);
    let references = |messages: &Map<String, Value>| -> Value {
        let reference = |name: &String| json!({ "$ref": format!("#/components/messages/{name}") });
        messages.keys().map(|name| (name.clone(), reference(name))).collect::<Map<_, _>>().into()
    };
    let channels = channels::channels(&names, &references(&reports), &references(&changes));
    let mut messages = reports;
    messages.extend(changes);
    messages.insert("deadLetter".into(), channels::dead_letter());
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "payoutd over RabbitMQ",
            "version": env!("CARGO_PKG_VERSION"),
            "description": TEXT,
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": "application/cloudevents+json",
        "servers": { "broker": {
            "host": "localhost:5672",
            "protocol": "amqp",
            "protocolVersion": "0.9.1",
            "description": "The RabbitMQ that payoutd is configured with (AMQP_URL).",
        } },
        "channels": channels,
        "operations": channels::operations(),
        "components": { "messages": messages, "schemas": schemas.into_components() },
    })
}

const TEXT: &str = "Chain watchers publish reports of on-chain events to the exchange `chain.events`. Other services receive \
the changes of payouts from the exchange `payouts`. All messages are CloudEvents 1.0 in structured JSON. Delivery is at \
least once: a message may arrive more than once, always with the same id. Sandbox payouts have no messages here.";
