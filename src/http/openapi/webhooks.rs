//! The operations on webhook endpoints.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::examples as sample;
use super::operation::{Idempotency, Operation};
use super::payouts::{cursor, limit};
use crate::contracts::Schemas;
use crate::http::api::webhooks::bodies::{DeliveriesBody, EndpointBody, ListBody, ReplayBody, TestBody};
use crate::http::api::webhooks::requests::{CreateRequest, ReplayFields};
use crate::http::response::problem::Code;

const TAG: &str = "Webhooks";

pub(super) fn operations(schemas: &mut Schemas) -> Vec<Operation> {
    vec![
        create(schemas),
        list(schemas),
        get(schemas),
        delete(),
        rotate(schemas),
        enable(schemas),
        deliveries(schemas),
        replay(schemas),
        test(schemas),
    ]
}

fn create(schemas: &mut Schemas) -> Operation {
    let request = schemas.received::<CreateRequest>();
    let endpoint = with_secret(schemas);
    Operation::new("post", "/webhooks", "createWebhook", TAG, "Register an endpoint")
        .description(
            "Registers an endpoint for the events of the key's mode. The answer shows its secret, this once. There can be \
             10 endpoints in each mode.",
        )
        .idempotent(Idempotency::Optional)
        .body(request, &[&sample::NEW_ENDPOINT, &sample::NEW_ENDPOINT_FOR_EVERYTHING])
        .json_response(
            StatusCode::CREATED,
            "The endpoint, with its secret.",
            &["Location", "Idempotent-Replayed"],
            endpoint,
            &[&sample::ENDPOINT_WITH_SECRET],
        )
        .links(StatusCode::CREATED, links())
}

fn list(schemas: &mut Schemas) -> Operation {
    Operation::new("get", "/webhooks", "listWebhooks", TAG, "List endpoints").json_response(
        StatusCode::OK,
        "All endpoints of the key's mode.",
        &[],
        schemas.sent::<ListBody<'_>>(),
        &[&sample::ENDPOINTS],
    )
}

fn get(schemas: &mut Schemas) -> Operation {
    endpoint_operation("get", "/webhooks/{id}", "getWebhook", "Show an endpoint").json_response(
        StatusCode::OK,
        "The endpoint, without its secret.",
        &[],
        schemas.sent::<EndpointBody<'_>>(),
        &[&sample::ENDPOINT, &sample::ENDPOINT_DISABLED],
    )
}

fn delete() -> Operation {
    endpoint_operation("delete", "/webhooks/{id}", "deleteWebhook", "Remove an endpoint")
        .description("Nothing more is sent to it. Its deliveries are forgotten.")
        .response(StatusCode::NO_CONTENT, "It is removed.", &[], None)
}

fn rotate(schemas: &mut Schemas) -> Operation {
    endpoint_operation("post", "/webhooks/{id}/rotate", "rotateWebhookSecret", "Change an endpoint's secret")
        .description(
            "Makes a new secret and shows it, this once. The old one signs as well for 24 hours, so that you can change \
             over without losing an event.",
        )
        .idempotent(Idempotency::Optional)
        .no_body()
        .json_response(
            StatusCode::OK,
            "The endpoint, with its new secret.",
            &["Idempotent-Replayed"],
            with_secret(schemas),
            &[&sample::ENDPOINT_WITH_SECRET],
        )
}

fn enable(schemas: &mut Schemas) -> Operation {
    endpoint_operation("post", "/webhooks/{id}/enable", "enableWebhook", "Enable a disabled endpoint")
        .description("Events are sent to it again from now on. Replay what it missed.")
        .idempotent(Idempotency::Optional)
        .no_body()
        .json_response(
            StatusCode::OK,
            "The endpoint.",
            &["Idempotent-Replayed"],
            schemas.sent::<EndpointBody<'_>>(),
            &[&sample::ENDPOINT],
        )
}

fn deliveries(schemas: &mut Schemas) -> Operation {
    endpoint_operation(
        "get",
        "/webhooks/{id}/deliveries",
        "listWebhookDeliveries",
        "List what was sent to an endpoint",
    )
    .description(
        "Every event for the endpoint with its attempts, the newest first. Kept for 30 days after its end.",
    )
    .query_parameter("limit", "The most deliveries of a page.", limit())
    .query_parameter("cursor", "`next_cursor` of the page before, as it was given.", cursor())
    .json_response(
        StatusCode::OK,
        "A page of deliveries.",
        &[],
        schemas.sent::<DeliveriesBody<'_>>(),
        &[&sample::DELIVERIES],
    )
}

fn replay(schemas: &mut Schemas) -> Operation {
    endpoint_operation("post", "/webhooks/{id}/replay", "replayWebhook", "Send events again")
        .description(
            "Sends the events of a payout again, the event of one of its changes, or those since a time: give \
             `payout_id`, `payout_id` and `sequence`, or `since`. They keep their `webhook-id`.",
        )
        .idempotent(Idempotency::Optional)
        .body(
            schemas.received::<ReplayFields>(),
            &[&sample::REPLAY_CHANGE, &sample::REPLAY_PAYOUT, &sample::REPLAY_SINCE],
        )
        .json_response(
            StatusCode::ACCEPTED,
            "They will be sent.",
            &["Idempotent-Replayed"],
            schemas.sent::<ReplayBody>(),
            &[&sample::REPLAY],
        )
        .problems(&[Code::PayoutNotFound])
}

fn test(schemas: &mut Schemas) -> Operation {
    endpoint_operation("post", "/webhooks/{id}/test", "testWebhook", "Send a test event")
        .description(
            "Posts a `payout.test` event to the endpoint now, once, and answers with what came of it.",
        )
        .idempotent(Idempotency::Optional)
        .no_body()
        .json_response(
            StatusCode::OK,
            "What came of it. `succeeded` says whether the endpoint took it.",
            &["Idempotent-Replayed"],
            schemas.sent::<TestBody<'_>>(),
            &[&sample::TEST],
        )
}

/// An operation on one endpoint.
fn endpoint_operation(
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
) -> Operation {
    Operation::new(method, path, id, TAG, summary).parameter("EndpointId").problems(&[Code::NotFound])
}

fn with_secret(schemas: &mut Schemas) -> Value {
    json!({ "allOf": [schemas.sent::<EndpointBody<'_>>()], "required": ["secret"] })
}

fn links() -> Value {
    let link = |operation: &str, description: &str| {
        json!({
            "operationId": operation,
            "parameters": { "id": "$response.body#/id" },
            "description": description,
        })
    };
    json!({
        "read": link("getWebhook", "Shows the endpoint."),
        "test": link("testWebhook", "Sends it a test event."),
        "deliveries": link("listWebhookDeliveries", "Shows what was sent to it."),
        "rotate": link("rotateWebhookSecret", "Changes its secret."),
        "enable": link("enableWebhook", "Enables it."),
        "remove": link("deleteWebhook", "Removes it."),
    })
}
