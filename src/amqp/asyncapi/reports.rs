//! The messages that payoutd consumes: the four reports of chain watchers.

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::messages::{headers, message_name};
use crate::contracts::Schemas;
use crate::contracts::reports::{BroadcastData, DeliveredData, FailedData, ProgressData, ReportEnvelope};
use crate::reports::CONTENT_TYPE;

pub(super) fn messages(schemas: &mut Schemas) -> Map<String, Value> {
    let envelope = schemas.received::<ReportEnvelope>();
    let all = [
        message::<BroadcastData>(
            schemas,
            &envelope,
            ("chain.broadcast", "A transaction was broadcast"),
            json!({ "network": "tron", "tx_hash": HASH, "leg": "source", "estimated_seconds": 60 }),
        ),
        message::<ProgressData>(
            schemas,
            &envelope,
            ("chain.progress", "A transaction progresses: confirmations, a replacement, a new estimate"),
            json!({
                "network": "tron", "tx_hash": HASH, "confirmations": 7, "required_confirmations": 20,
                "estimated_seconds": 39,
            }),
        ),
        message::<DeliveredData>(
            schemas,
            &envelope,
            ("chain.delivered", "The recipient has the funds"),
            json!({
                "network": "tron", "tx_hash": HASH, "recipient_amount": "25", "fees_paid_usd": "1.37",
                "confirmations": 20,
            }),
        ),
        message::<FailedData>(
            schemas,
            &envelope,
            ("chain.failed", "The payout failed"),
            json!({
                "code": "liquidity_exhausted", "message": "The source account had no liquidity; nothing was sent.",
                "network": "tron", "funds": "not_sent",
            }),
        ),
    ];
    all.into_iter().collect()
}

const HASH: &str = "7c2d4206c03a883dd9066d920c0f7b1b0a5c7d5b4b3f3e1e6f5b0a4f1a2b3c4d";

fn message<T: JsonSchema>(
    schemas: &mut Schemas,
    envelope: &Value,
    (kind, summary): (&'static str, &str),
    data: Value,
) -> (String, Value) {
    let payload = json!({
        "allOf": [envelope],
        "type": "object",
        "required": ["type", "data"],
        "properties": { "type": { "const": kind }, "data": schemas.received::<T>() },
    });
    let short = kind.rsplit('.').next().unwrap_or(kind);
    let example = json!({
        "specversion": "1.0",
        "id": format!("tron-7c2d4206-{short}"),
        "source": "/watchers/tron",
        "type": kind,
        "subject": "pay_0192f0c1d2e3748596a7b8c9d0e1f203",
        "time": "2026-03-01T12:00:10Z",
        "datacontenttype": "application/json",
        "data": data,
    });
    let message = json!({
        "name": kind,
        "title": kind,
        "summary": summary,
        "contentType": CONTENT_TYPE,
        "headers": headers(),
        "payload": payload,
        "examples": [{ "name": short, "summary": summary, "payload": example }],
        "bindings": { "amqp": { "messageType": kind, "bindingVersion": "0.3.0" } },
    });
    (message_name(kind), message)
}
