//! The events that are posted to webhook endpoints.

use serde_json::{Map, Value, json};

use super::examples::{self, Example};
use crate::contracts::Schemas;
use crate::wire::WebhookBody;

const EVENTS: [(&str, &str, &str, Example); 6] = [
    (
        "payout.broadcast",
        "A transaction is out",
        "The payout's first transaction was seen on its network. Sent unless an endpoint asks for other types.",
        examples::EVENT_BROADCAST,
    ),
    (
        "payout.delivered",
        "The recipient has the funds",
        "The payout is delivered. Sent unless an endpoint asks for other types. In rare cases `payout.failed` follows: \
         a network took the transaction back.",
        examples::EVENT_DELIVERED,
    ),
    (
        "payout.failed",
        "The payout will not arrive",
        "Look at `funds` before you pay again. Sent unless an endpoint asks for other types.",
        examples::EVENT_FAILED,
    ),
    (
        "payout.updated",
        "The estimate moved, or a further transaction was seen",
        "Sent to endpoints that ask for it.",
        examples::EVENT_UPDATED,
    ),
    (
        "payout.late",
        "The estimate has passed and the payout has not ended",
        "The payout goes on: this is no failure. Sent to endpoints that ask for it.",
        examples::EVENT_LATE,
    ),
    (
        "payout.test",
        "A test",
        "Sent by `POST /webhooks/{id}/test` and at no other time. Its payout does not exist.",
        examples::EVENT_TEST,
    ),
];

/// The `webhooks` object of the document.
pub(super) fn webhooks(schemas: &mut Schemas) -> Value {
    let body = schemas.sent::<WebhookBody<'_>>();
    EVENTS
        .iter()
        .map(|event| (event.0.to_owned(), json!({ "post": post(event, &body) })))
        .collect::<Map<_, _>>()
        .into()
}

fn post((name, summary, description, example): &(&str, &str, &str, Example), body: &Value) -> Value {
    let schema = json!({ "allOf": [body], "properties": { "type": { "const": name } } });
    let content =
        json!({ "application/json": { "schema": schema, "examples": examples::named(&[example]) } });
    json!({
        "operationId": format!("on_{}", name.replace('.', "_")),
        "tags": ["Webhooks"],
        "summary": summary,
        "description": format!(
            "{description} Per endpoint and payout, events come in the order of `data.sequence`; the same event may \
             come more than once, with the same `webhook-id`."
        ),
        "security": [],
        "parameters": headers(),
        "requestBody": { "required": true, "content": content },
        "responses": {
            "2XX": { "description": "Taken. Answer first, within 15 seconds, and work on it afterwards." },
            "410": { "description": "Not wanted any more: the endpoint is disabled." },
            "default": {
                "description": "Not taken: tried again over 75 hours. Redirects are not followed. `Retry-After` is \
                                heard, up to an hour.",
            },
        },
    })
}

fn headers() -> Value {
    let header = |name: &str, description: &str, example: &str| {
        json!({
            "name": name, "in": "header", "required": true, "description": description,
            "schema": { "type": "string" }, "example": example,
        })
    };
    json!([
        header(
            "webhook-id",
            "The event's id for this endpoint: the same for every attempt. Remember it, and do nothing twice.",
            "msg_5c1f0e9d8b7a46958473625140fedcba",
        ),
        header("webhook-timestamp", "When this attempt was made, in seconds since 1970.", "1772366462"),
        header(
            "webhook-signature",
            "Signatures as Standard Webhooks 1.0.0 has them, with a space between: `v1,` and the base64 of the \
             HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<body>`. After a rotation both secrets sign for a day.",
            "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
        ),
    ])
}
