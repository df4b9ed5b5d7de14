//! `/webhooks`: endpoints, their secrets, their deliveries.

pub(super) mod bodies;
pub(super) mod requests;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, extract};
use payoutd_domain::Account;
use serde::Serialize;

use super::idempotency::{Answer, Call};
use super::router::ApiState;
use super::{BasePath, Code, Principal, Problem};
use crate::webhooks::{Endpoint, EndpointId, MAX_ENDPOINTS, WebhookError};
use bodies::{DeliveriesBody, EndpointBody, ListBody, ReplayBody, TestBody};
use requests::{CreateRequest, DeliveriesQuery, ReplayFields};

/// The routes.
pub(super) fn routes(base: &BasePath) -> Router<ApiState> {
    Router::new()
        .route(&base.join("/webhooks"), post(create).get(list))
        .route(&base.join("/webhooks/{id}"), get(read).delete(delete))
        .route(&base.join("/webhooks/{id}/rotate"), post(rotate))
        .route(&base.join("/webhooks/{id}/enable"), post(enable))
        .route(&base.join("/webhooks/{id}/deliveries"), get(deliveries))
        .route(&base.join("/webhooks/{id}/replay"), post(replay))
        .route(&base.join("/webhooks/{id}/test"), post(test))
}

type PathId = Result<Path<String>, PathRejection>;

/// Makes an endpoint. The answer shows its secret, this once.
async fn create(State(edge): State<ApiState>, call: Call) -> Result<Response, Problem> {
    call.once(&edge, |work| async move {
        let new = work.body.json::<CreateRequest>()?.into_new_endpoint()?;
        let base = &work.edge.config.base_path;
        let answer = |endpoint: &Endpoint| {
            let answer = Answer::json(StatusCode::CREATED, &EndpointBody::with_secret(endpoint))?;
            Ok::<_, Problem>(answer.at(base.join(&format!("/webhooks/{}", endpoint.id))))
        };
        let kept = |endpoint: &Endpoint| work.keep(&answer(endpoint).ok()?);
        answer(&work.edge.webhooks.create(account(work.principal), new, &kept).await.map_err(problem_of)?)
    })
    .await
}

async fn list(State(edge): State<ApiState>, principal: Principal) -> Result<Response, Problem> {
    let endpoints = edge.webhooks.list(account(principal)).await.map_err(problem_of)?;
    json(StatusCode::OK, &ListBody { data: endpoints.iter().map(EndpointBody::new).collect() })
}

async fn read(State(edge): State<ApiState>, principal: Principal, id: PathId) -> Result<Response, Problem> {
    let endpoint = edge.webhooks.find(account(principal), endpoint_id(id)?).await.map_err(problem_of)?;
    json(StatusCode::OK, &EndpointBody::new(&endpoint))
}

async fn delete(
    State(edge): State<ApiState>,
    principal: Principal,
    id: PathId,
) -> Result<StatusCode, Problem> {
    let (id, desk) = (endpoint_id(id)?, std::sync::Arc::clone(&edge.webhooks));
    run_to_completion(async move { desk.delete(account(principal), id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a new secret. The answer shows it, this once.
async fn rotate(State(edge): State<ApiState>, id: PathId, call: Call) -> Result<Response, Problem> {
    call.once(&edge, |work| async move {
        let id = endpoint_id(id)?;
        work.body.nothing()?;
        let answer = |endpoint: &Endpoint| Answer::json(StatusCode::OK, &EndpointBody::with_secret(endpoint));
        let kept = |endpoint: &Endpoint| work.keep(&answer(endpoint).ok()?);
        answer(&work.edge.webhooks.rotate(account(work.principal), id, &kept).await.map_err(problem_of)?)
    })
    .await
}

/// Sends to a disabled endpoint again.
async fn enable(State(edge): State<ApiState>, id: PathId, call: Call) -> Result<Response, Problem> {
    call.once(&edge, |work| async move {
        let id = endpoint_id(id)?;
        work.body.nothing()?;
        let endpoint = work.edge.webhooks.enable(account(work.principal), id).await.map_err(problem_of)?;
        Answer::json(StatusCode::OK, &EndpointBody::new(&endpoint))
    })
    .await
}

async fn deliveries(
    State(edge): State<ApiState>,
    principal: Principal,
    id: PathId,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let id = endpoint_id(id)?;
    let DeliveriesQuery { limit, before } = DeliveriesQuery::of(query.as_deref())?;
    let page = edge.webhooks.deliveries(account(principal), id, before, limit).await.map_err(problem_of)?;
    json(StatusCode::OK, &DeliveriesBody::new(&page))
}

async fn replay(State(edge): State<ApiState>, id: PathId, call: Call) -> Result<Response, Problem> {
    call.once(&edge, |work| async move {
        let (id, what) = (endpoint_id(id)?, work.body.json::<ReplayFields>()?.read()?);
        let count = work.edge.webhooks.replay(account(work.principal), id, what).await.map_err(problem_of)?;
        Answer::json(StatusCode::ACCEPTED, &ReplayBody { count })
    })
    .await
}

/// Sends a test event, and answers with what came of it.
async fn test(State(edge): State<ApiState>, id: PathId, call: Call) -> Result<Response, Problem> {
    call.once(&edge, |work| async move {
        let id = endpoint_id(id)?;
        work.body.nothing()?;
        let report = work.edge.webhooks.test(account(work.principal), id).await.map_err(problem_of)?;
        Answer::json(StatusCode::OK, &TestBody::new(&report))
    })
    .await
}

fn account(principal: Principal) -> Account {
    Account { org: principal.org, mode: principal.mode }
}

fn endpoint_id(id: PathId) -> Result<EndpointId, Problem> {
    id.ok().and_then(|extract::Path(id)| id.parse().ok()).ok_or_else(not_found)
}

fn not_found() -> Problem {
    Problem::new(Code::NotFound, "There is no webhook endpoint with this id.")
}

/// Does something that writes in a task of its own: a client that hangs up must not cut it off.
async fn run_to_completion<T: Send + 'static>(
    work: impl Future<Output = Result<T, WebhookError>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::spawn(work).await {
        Ok(done) => done.map_err(problem_of),
        Err(error) => {
            tracing::error!(%error, "a change of webhook endpoints broke");
            Err(Problem::unavailable())
        }
    }
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
            tracing::warn!(%error, "the webhook store could not be asked");
            Problem::unavailable()
        }
    }
}

fn json(status: StatusCode, body: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(body).map_err(|error| {
        tracing::error!(%error, "an answer could not be written");
        Problem::unavailable()
    })?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
