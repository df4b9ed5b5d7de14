//! The channels (exchanges and queues) and the operations on them.

use serde_json::{Value, json};

use super::changes;
use crate::amqp::settings::TopologyNames;
use crate::reports::DeadLetterReason;

pub(super) fn channels(names: &TopologyNames, reports: &Value, changes: &Value) -> Value {
    json!({
        "chainEvents": {
            "address": "{payout_id}",
            "title": "Reports of chain watchers",
            "description": "The routing key is the payout's id. The reports of one payout are processed in order.",
            "parameters": { "payout_id": { "description": "The payout's id.", "examples": [EXAMPLE] } },
            "messages": reports,
            "bindings": exchange(&names.chain_events, "topic"),
        },
        "chainEventsQueue": {
            "address": names.chain_events_queue,
            "title": "The queue of reports",
            "description": format!("A quorum queue that payoutd consumes, bound to `{}` with `#`.", names.chain_events),
            "messages": reports,
            "bindings": queue(&names.chain_events_queue),
        },
        "payouts": {
            "address": "{type}.{from_network}",
            "title": "Changes of payouts",
            "description": "Bind your own queue: with `payout.created.tron` to sign transactions for Tron, with \
                            `payout.delivered.*` for accounting, with `#` for all events.",
            "parameters": {
                "type": {
                    "description": "The event's type.",
                    "enum": changes::TYPES.map(|(kind, ..)| kind.as_str()),
                },
                "from_network": { "description": "The network that the funds are sent from.", "examples": ["tron"] },
            },
            "messages": changes,
            "bindings": exchange(&names.payouts, "topic"),
        },
        "deadLetters": {
            "address": names.dead_letters_queue,
            "title": "Messages that cannot be processed",
            "description": format!(
                "A message that cannot be processed is published to the exchange `{}` (fanout) and stays in this quorum \
                 queue, unchanged except for headers with the reason. To replay it, publish it to `{}` again.",
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

/// The operations of payoutd on the channels.
pub(super) fn operations() -> Value {
    let channel = |name: &str| json!({ "$ref": format!("#/channels/{name}") });
    json!({
        "takeReports": {
            "action": "receive",
            "channel": channel("chainEventsQueue"),
            "title": "Consume reports",
            "description": "Chain watchers publish to `chainEvents`. A report is acknowledged after its outcome is \
                            committed. A report whose payout does not exist yet is parked, and dead-lettered if \
                            the payout is not created in time.",
            "bindings": { "amqp": { "ack": true, "bindingVersion": "0.3.0" } },
        },
        "announceChanges": {
            "action": "send",
            "channel": channel("payouts"),
            "title": "Publish changes",
            "description": "Each change is published at least once, after it is committed, with publisher confirms. \
                            The changes of one payout are published in the order of `data.sequence`.",
            "bindings": { "amqp": { "deliveryMode": 2, "mandatory": false, "bindingVersion": "0.3.0" } },
        },
        "putAside": {
            "action": "send",
            "channel": channel("deadLetters"),
            "title": "Publish dead letters",
            "description": "A message is removed from the queue of reports only after the broker confirms its dead letter.",
            "bindings": { "amqp": { "deliveryMode": 2, "mandatory": true, "bindingVersion": "0.3.0" } },
        },
    })
}

pub(super) fn dead_letter() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let reasons = DeadLetterReason::ALL.map(DeadLetterReason::as_str);
    let headers = json!({
        "type": "object",
        "required": ["payoutd-reason", "payoutd-detail", "payoutd-exchange", "payoutd-routing-key"],
        "properties": {
            "payoutd-reason": { "type": "string", "enum": reasons, "description": "The reason, for programs." },
            "payoutd-detail": text("The reason, for people: the invalid field and the expected value."),
            "payoutd-exchange": text("The exchange it was published to; empty if it is not known."),
            "payoutd-routing-key": text("Its original routing key."),
            "payoutd-message-id": text("Its original message id, if it had one."),
            "payoutd-truncated-from-bytes": text("Its original size in bytes, if only the first MiB is kept."),
            "payoutd-dropped-headers": text("The number of original headers that were dropped because they exceeded the size limit."),
        },
    });
    json!({
        "name": "deadLetter",
        "title": "Dead letter",
        "summary": "The original message with its headers, and added headers with the reason.",
        "contentType": "application/octet-stream",
        "headers": headers,
        "payload": { "description": "The original body." },
    })
}
