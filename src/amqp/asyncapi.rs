//! What goes over the broker, described: `AsyncAPI` 3, both directions and the dead letters. Tests hold it against the
//! code that reads and writes the messages.

mod announcements;
mod channels;
mod reports;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::Names;
use crate::contracts::Schemas;

/// The description of what goes over the broker.
#[must_use]
pub fn asyncapi() -> Value {
    let names = Names::default();
    let mut schemas = Schemas::new();
    let reports = reports::messages(&mut schemas);
    let changes = announcements::messages(&mut schemas);
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

const TEXT: &str = "Chain watchers report what they see on chain to the exchange `chain.events`. Services downstream read \
what became of each payout from the exchange `payouts`. All messages are CloudEvents 1.0 in structured JSON. Everything may \
come more than once, and is recognised by its id. Nothing of a sandbox payout is ever sent or read here.";
