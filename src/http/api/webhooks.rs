//! `/webhooks`: endpoints, their secrets and their deliveries.

pub(in crate::http) mod bodies;
pub(in crate::http) mod requests;

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};

use super::post_request::PostRequest;
use super::post_response::PostResponse;
use super::request_task::request_task;
use super::state::ApiState;
use crate::http::base_path::BasePath;
use crate::http::principal::Principal;
use crate::http::response::json::ok_json;
use crate::http::response::problem::{Code, Problem};
use crate::webhooks::{Endpoint, EndpointId, MAX_ENDPOINTS, WebhookError};
use bodies::{DeliveriesBody, EndpointBody, ListBody, ReplayBody, TestBody};
use requests::{CreateRequest, DeliveriesQuery, ReplayFields};

pub(super) fn routes(base_path: &BasePath) -> Router<ApiState> {
    Router::new()
        .route(&base_path.join("/webhooks"), post(create).get(list))
        .route(&base_path.join("/webhooks/{id}"), get(read).delete(delete))
        .route(&base_path.join("/webhooks/{id}/rotate"), post(rotate))
        .route(&base_path.join("/webhooks/{id}/enable"), post(enable))
        .route(&base_path.join("/webhooks/{id}/deliveries"), get(deliveries))
        .route(&base_path.join("/webhooks/{id}/replay"), post(replay))
        .route(&base_path.join("/webhooks/{id}/test"), post(test))
}

type PathId = Result<Path<String>, PathRejection>;

/// Registers an endpoint. The response contains its secret.
async fn create(State(state): State<ApiState>, request: PostRequest) -> Result<Response, Problem> {
    request
        .execute_once(&state, |execution| async move {
            let new = execution.body.json::<CreateRequest>()?.into_new_endpoint()?;
            let (state, principal) = (&execution.state, execution.principal);
            let response = |endpoint: &Endpoint| {
                let body = EndpointBody::with_secret(endpoint);
                let location = state.config.base_path.join(&format!("/webhooks/{}", endpoint.id));
                Ok::<_, Problem>(PostResponse::json(StatusCode::CREATED, &body)?.with_location(location))
            };
            let record_for = |endpoint: &Endpoint| execution.record(&response(endpoint).ok()?);
            let endpoint = state.webhooks.create(principal.account(), new, &record_for).await;
            response(&endpoint.map_err(problem_of)?)
        })
        .await
}

async fn list(State(state): State<ApiState>, principal: Principal) -> Result<Response, Problem> {
    let endpoints = state.webhooks.list(principal.account()).await.map_err(problem_of)?;
    ok_json(&ListBody { data: endpoints.iter().map(EndpointBody::new).collect() })
}

async fn read(State(state): State<ApiState>, principal: Principal, id: PathId) -> Result<Response, Problem> {
    let endpoint = state.webhooks.find(principal.account(), endpoint_id(id)?).await.map_err(problem_of)?;
    ok_json(&EndpointBody::new(&endpoint))
}

async fn delete(
    State(state): State<ApiState>,
    principal: Principal,
    id: PathId,
) -> Result<StatusCode, Problem> {
    let (id, webhooks) = (endpoint_id(id)?, Arc::clone(&state.webhooks));
    request_task(async move { webhooks.delete(principal.account(), id).await }).await?.map_err(problem_of)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replaces an endpoint's secret. The response contains the new one.
async fn rotate(
    State(state): State<ApiState>,
    id: PathId,
    request: PostRequest,
) -> Result<Response, Problem> {
    request
        .execute_once(&state, |execution| async move {
            let id = endpoint_id(id)?;
            execution.body.expect_empty()?;
            let response = |endpoint: &Endpoint| {
                PostResponse::json(StatusCode::OK, &EndpointBody::with_secret(endpoint))
            };
            let record_for = |endpoint: &Endpoint| execution.record(&response(endpoint).ok()?);
            let account = execution.principal.account();
            let endpoint = execution.state.webhooks.rotate(account, id, &record_for).await;
            response(&endpoint.map_err(problem_of)?)
        })
        .await
}

async fn enable(
    State(state): State<ApiState>,
    id: PathId,
    request: PostRequest,
) -> Result<Response, Problem> {
    request
        .execute_once(&state, |execution| async move {
            let id = endpoint_id(id)?;
            execution.body.expect_empty()?;
            let endpoint = execution.state.webhooks.enable(execution.principal.account(), id).await;
            PostResponse::json(StatusCode::OK, &EndpointBody::new(&endpoint.map_err(problem_of)?))
        })
        .await
}

async fn deliveries(
    State(state): State<ApiState>,
    principal: Principal,
    id: PathId,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let id = endpoint_id(id)?;
    let DeliveriesQuery { limit, before } = DeliveriesQuery::parse(query.as_deref())?;
    let page = state.webhooks.deliveries(principal.account(), id, before, limit).await.map_err(problem_of)?;
    ok_json(&DeliveriesBody::new(&page))
}

async fn replay(
    State(state): State<ApiState>,
    id: PathId,
    request: PostRequest,
) -> Result<Response, Problem> {
    request
        .execute_once(&state, |execution| async move {
            let (id, replay) = (endpoint_id(id)?, execution.body.json::<ReplayFields>()?.into_request()?);
            let count = execution.state.webhooks.replay(execution.principal.account(), id, replay).await;
            PostResponse::json(StatusCode::ACCEPTED, &ReplayBody { count: count.map_err(problem_of)? })
        })
        .await
}

/// Sends a test event and responds with the result of the attempt.
async fn test(State(state): State<ApiState>, id: PathId, request: PostRequest) -> Result<Response, Problem> {
    request
        .execute_once(&state, |execution| async move {
            let id = endpoint_id(id)?;
            execution.body.expect_empty()?;
            let report = execution.state.webhooks.test(execution.principal.account(), id).await;
            PostResponse::json(StatusCode::OK, &TestBody::new(&report.map_err(problem_of)?))
        })
        .await
}

fn endpoint_id(id: PathId) -> Result<EndpointId, Problem> {
    id.ok().and_then(|Path(id)| id.parse().ok()).ok_or_else(not_found)
}

fn not_found() -> Problem {
    Problem::new(Code::NotFound, "There is no webhook endpoint with this id.")
}

fn problem_of(error: WebhookError) -> Problem {
    match error {
        WebhookError::NotFound => not_found(),
        WebhookError::PayoutNotFound => Problem::payout_not_found().at("payout_id"),
        WebhookError::Invalid { field, detail } => Problem::validation(field, format!("{field}: {detail}.")),
        WebhookError::TooMany => Problem::new(
            Code::ValidationError,
            format!(
                "There are {MAX_ENDPOINTS} webhook endpoints already, which is the most there can be; delete one first."
            ),
        ),
        WebhookError::Disabled => Problem::new(
            Code::ValidationError,
            "The endpoint is disabled; enable it with POST /webhooks/{id}/enable first.",
        ),
        WebhookError::Unavailable(error) => {
            tracing::warn!(%error, "the webhook store is unavailable");
            Problem::unavailable()
        }
    }
}
