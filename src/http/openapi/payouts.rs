//! The operations on quotes and payouts.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::examples as sample;
use super::operation::{Idempotency, Operation};
use crate::contracts::{Schemas, Status, Time};
use crate::http::api::payouts::{CreateRequest, ListBody};
use crate::http::response::problem::Code;
use crate::quotes::{QuoteRequest, QuoteResponse};
use crate::wire::{CreatedBody, PayoutBody};

pub(super) fn operations(schemas: &mut Schemas) -> Vec<Operation> {
    vec![quote(schemas), create(schemas), list(schemas), get(schemas), events(schemas)]
}

fn quote(schemas: &mut Schemas) -> Operation {
    let (request, offer) = (schemas.received::<QuoteRequest>(), schemas.sent::<QuoteResponse>());
    Operation::new("post", "/payouts/quote", "quotePayout", "Quotes", "Quote a payout")
        .description(
            "Prices a payout and locks the price for a while (`expires_at`). The recipient's network is detected from the \
             address, or taken from `network_hint`; the cheapest network that carries the asset is chosen to send from. \
             A quote is executed once. In the sandbox, the same request gives the same quote.",
        )
        .idempotent(Idempotency::Required)
        .body(request, &[&sample::QUOTE_REQUEST, &sample::QUOTE_REQUEST_WITH_HINT])
        .json_response(
            StatusCode::OK,
            "The quote.",
            &["Idempotent-Replayed"],
            offer,
            &[&sample::QUOTE, &sample::QUOTE_WITH_RECOMMENDATION],
        )
        .links(
            StatusCode::OK,
            json!({ "execute": {
                "operationId": "createPayout",
                "description": "Executes the quote.",
                "requestBody": { "quote_id": "$response.body#/quote_id" },
            } }),
        )
        .problems(&[
            Code::InvalidDestination,
            Code::UnsupportedAsset,
            Code::UnsupportedRoute,
            Code::AmountOutOfRange,
        ])
}

fn create(schemas: &mut Schemas) -> Operation {
    let (request, payout) = (schemas.received::<CreateRequest>(), schemas.sent::<CreatedBody<'_>>());
    let id = json!({ "id": "$response.body#/id" });
    Operation::new("post", "/payouts", "createPayout", "Payouts", "Execute a quote")
        .description(
            "Turns a quote into a payout, on exactly its terms. A quote becomes at most one payout: each later call gets \
             `quote_already_used` with its `payout_id`, even after the quote has expired. In the sandbox, a later call \
             returns the same payout instead. The response shows the payout as it was at its creation.",
        )
        .idempotent(Idempotency::Optional)
        .body(request, &[&sample::NEW_PAYOUT])
        .json_response(
            StatusCode::CREATED,
            "The payout, which is under way from now on.",
            &["Location", "Idempotent-Replayed"],
            payout,
            &[&sample::CREATED_PAYOUT],
        )
        .links(
            StatusCode::CREATED,
            json!({
                "read": { "operationId": "getPayout", "parameters": id, "description": "Shows the payout." },
                "follow": { "operationId": "streamPayout", "parameters": id, "description": "Follows the payout." },
            }),
        )
        .problems(&[Code::QuoteNotFound, Code::QuoteAlreadyUsed, Code::QuoteExpired])
}

fn list(schemas: &mut Schemas) -> Operation {
    let (status, time) = (schemas.sent::<Status>(), schemas.sent::<Time>());
    let page = schemas.sent::<ListBody<'_>>();
    Operation::new("get", "/payouts", "listPayouts", "Payouts", "List payouts")
        .description(
            "Your payouts of the key's mode, the newest first. Following `next_cursor` leads to every payout there was when \
             you asked for the first page, once each, however many are being created meanwhile. A page can hold fewer than \
             `limit`: one that has changed its status since it was found is left out. Asking again with `created_after` set \
             to the newest `created_at` you have seen misses none. If no payout matches, or no payout has \
             the `external_ref`, the list is empty.",
        )
        .query_parameter("status", "Only payouts with this status.", status)
        .query_parameter("external_ref", "Only payouts with this reference.", text(1, 255))
        .query_parameter("created_after", "Only payouts created at this time or later.", time.clone())
        .query_parameter("created_before", "Only payouts created before this time, which is not included.", time)
        .query_parameter("late", "Only payouts that are late, or only those that are not.", json!({ "type": "boolean" }))
        .query_parameter("limit", "The most payouts of a page.", limit())
        .query_parameter("cursor", "`next_cursor` of the page before, as it was given.", cursor())
        .json_response(StatusCode::OK, "A page of payouts.", &[], page, &[&sample::PAYOUTS])
}

fn get(schemas: &mut Schemas) -> Operation {
    let payout = schemas.sent::<PayoutBody<'_>>();
    Operation::new("get", "/payouts/{id}", "getPayout", "Payouts", "Show a payout")
        .description(
            "A payout as it is now. With `If-None-Match`, the answer is 304 while nothing has changed. With `wait`, the \
             answer is held back until the payout has moved past `after_sequence`, or the time is over.",
        )
        .parameter("PayoutId")
        .parameter("IfNoneMatch")
        .query_parameter(
            "wait",
            "For how many seconds the answer may be held back.",
            json!({ "type": "integer", "minimum": 0, "maximum": 60 }),
        )
        .query_parameter(
            "after_sequence",
            "With `wait`: the sequence you have seen. Without it, the one that `If-None-Match` names, or the present one.",
            seen_sequence(),
        )
        .json_response(
            StatusCode::OK,
            "The payout.",
            &["ETag"],
            payout,
            &[&sample::PAYOUT_BROADCAST, &sample::PAYOUT_DELIVERED, &sample::PAYOUT_FAILED],
        )
        .response(StatusCode::NOT_MODIFIED, "Nothing has changed.", &["ETag"], None)
        .problems(&[Code::PayoutNotFound])
}

fn events(schemas: &mut Schemas) -> Operation {
    let payout = schemas.sent::<PayoutBody<'_>>();
    let content = json!({ "text/event-stream": {
        "schema": {
            "type": "string",
            "description": "Server-sent events. `id` is the payout's sequence, `data` the payout as JSON.",
            "contentMediaType": "text/event-stream",
        },
        "examples": { "events": {
            "summary": "A payout on its way",
            "value": stream_example(),
        } },
        "x-event-data": payout,
    } });
    Operation::new("get", "/payouts/{id}/events", "streamPayout", "Payouts", "Follow a payout")
        .description(
            "A stream of server-sent events: the payout as it is now, and again after each change, in order and once \
             each. `id` is the sequence, `event` the type of the change, `data` the payout as JSON. It resumes after \
             `Last-Event-ID`, which clients send by themselves, or after `after_sequence`. It ends once the payout has \
             failed; and after a while, to be opened again.",
        )
        .parameter("PayoutId")
        .parameter("LastEventId")
        .query_parameter("after_sequence", "The sequence you have seen: the stream begins after it.", seen_sequence())
        .response(StatusCode::OK, "The stream.", &[], Some(content))
        .response(
            StatusCode::NO_CONTENT,
            "The payout has failed and you have seen all of it: nothing follows.",
            &[],
            None,
        )
        .problems(&[Code::PayoutNotFound])
}

fn stream_example() -> String {
    format!("id: 2\nevent: payout.broadcast\ndata: {}\n\n", sample::PAYOUT_BROADCAST.value())
}

/// The schema of a sequence that the client has seen.
fn seen_sequence() -> Value {
    json!({ "type": "integer", "format": "int64", "minimum": 0 })
}

/// The schema of a cursor.
pub(super) fn cursor() -> Value {
    json!({ "type": "string" })
}

pub(super) fn limit() -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": 200, "default": 50 })
}

fn text(least: u32, most: u32) -> Value {
    json!({ "type": "string", "minLength": least, "maxLength": most })
}
