//! Exchanges, queues, and who uses them.

use serde_json::{Map, Value, json};

use crate::amqp::Names;
use crate::reports::DeadLetterReason;

/// The channels: where messages are sent to, and where they are read from.
pub(super) fn channels(names: &Names, reports: &Value, announcements: &Value) -> Value {
    json!({
        "chainEvents": {
            "address": "{payout_id}",
            "title": "Reports of chain watchers",
            "description": "The routing key is the payout's id, so that a payout's reports stay in order.",
            "parameters": { "payout_id": { "description": "The payout's id.", "examples": [EXAMPLE] } },
            "messages": reports,
            "bindings": exchange(&names.chain_events, "topic"),
        },
        "chainEventsQueue": {
            "address": names.chain_events_queue,
            "title": "The queue that payoutd reads reports from",
            "description": format!("A quorum queue, bound to `{}` with `#`.", names.chain_events),
            "messages": reports,
            "bindings": queue(&names.chain_events_queue),
        },
        "payouts": {
            "address": "{type}.{from_network}",
            "title": "Changes of payouts",
            "description": "Bind a queue of your own: `payout.created.tron` to sign for Tron, `payout.delivered.*` to \
                            keep books, `#` for everything.",
            "parameters": {
                "type": {
                    "description": "The event's type.",
                    "enum": super::announcements::TYPES.map(|(kind, ..)| kind.as_str()),
                },
                "from_network": { "description": "The network the funds leave from.", "examples": ["tron"] },
            },
            "messages": announcements,
            "bindings": exchange(&names.payouts, "topic"),
        },
        "deadLetters": {
            "address": names.dead_letters_queue,
            "title": "Messages that are no reports",
            "description": format!(
                "What cannot be read goes to the exchange `{}` (fanout) and waits in this quorum queue, as it came and \
                 with headers that say why. Publish it to `{}` again to replay it.",
                names.dead_letters, names.chain_events
            ),
            "messages": { "deadLetter": { "$ref": "#/components/messages/deadLetter" } },
            "bindings": queue(&names.dead_letters_queue),
        },
    })
}

const EXAMPLE: &str = "pay_0192f0c1d2e3748596a7b8c9d0e1f203";

fn exchange(name: &str, kind: &str) -> Value {
    json!({ "amqp": {
        "is": "routingKey",
        "exchange": { "name": name, "type": kind, "durable": true, "autoDelete": false, "vhost": "/" },
        "bindingVersion": "0.3.0",
    } })
}

fn queue(name: &str) -> Value {
    json!({ "amqp": {
        "is": "queue",
        "queue": { "name": name, "durable": true, "exclusive": false, "autoDelete": false, "vhost": "/" },
        "bindingVersion": "0.3.0",
    } })
}

/// What payoutd does with the channels.
pub(super) fn operations() -> Value {
    let channel = |name: &str| json!({ "$ref": format!("#/channels/{name}") });
    json!({
        "takeReports": {
            "action": "receive",
            "channel": channel("chainEventsQueue"),
            "title": "Take reports",
            "description": "Subscriptions publish to `chainEvents`. A report is acknowledged after what it did is \
                            committed. One for a payout that does not exist yet waits for it, and is dead-lettered \
                            after a while.",
            "bindings": { "amqp": { "ack": true, "bindingVersion": "0.3.0" } },
        },
        "announceChanges": {
            "action": "send",
            "channel": channel("payouts"),
            "title": "Announce changes",
            "description": "At least once, and per payout in the order of `data.sequence`, after the change is \
                            committed. With publisher confirms.",
            "bindings": { "amqp": { "deliveryMode": 2, "mandatory": false, "bindingVersion": "0.3.0" } },
        },
        "putAside": {
            "action": "send",
            "channel": channel("deadLetters"),
            "title": "Put dead letters aside",
            "description": "A message leaves the reports' queue only once it is safe here.",
            "bindings": { "amqp": { "deliveryMode": 2, "mandatory": true, "bindingVersion": "0.3.0" } },
        },
    })
}

/// A message that was put aside.
pub(super) fn dead_letter() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let reasons = DeadLetterReason::ALL.map(DeadLetterReason::as_str);
    let headers = json!({
        "type": "object",
        "required": ["payoutd-reason", "payoutd-detail", "payoutd-exchange", "payoutd-routing-key"],
        "properties": {
            "payoutd-reason": { "type": "string", "enum": reasons, "description": "Why, for programs." },
            "payoutd-detail": text("Why, for people: the field at fault and what it should be."),
            "payoutd-exchange": text("The exchange it came through; empty where that is not known any more."),
            "payoutd-routing-key": text("The routing key it came with."),
            "payoutd-message-id": text("Its message id, where it had one."),
            "payoutd-truncated-from-bytes": text("How large it was, where only the first MiB was kept."),
            "payoutd-dropped-headers": text("How many of its headers had no room."),
        },
    });
    json!({
        "name": "deadLetter",
        "title": "Dead letter",
        "summary": "A message as it came, with headers that say why it is here. Its own headers are kept.",
        "contentType": "application/octet-stream",
        "headers": headers,
        "payload": { "description": "Whatever it was." },
    })
}

/// The properties and headers that every event of ours has, and those that we read.
pub(super) fn headers() -> Value {
    let traceparent = json!({
        "type": "string",
        "description": "W3C Trace Context.",
        "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
        "examples": ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
    });
    json!({ "type": "object", "properties": Map::from_iter([("traceparent".to_owned(), traceparent)]) })
}
