//! The HTTP API: handlers that return recorded responses.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};

use super::create_batcher::CreateBatcher;
use crate::template::{self, Template};

struct HttpState {
    create_batcher: CreateBatcher,
    template: Arc<Template>,
    create_headers: HeaderMap,
    poll_headers: HeaderMap,
    poll_body: Bytes,
}

pub(super) fn router(template: &Arc<Template>, create_batcher: CreateBatcher) -> Router {
    let state = HttpState {
        create_batcher,
        create_headers: parse_headers(&template.create_response),
        poll_headers: parse_headers(&template.poll_response),
        poll_body: template.poll_response.body.clone().into(),
        template: Arc::clone(template),
    };
    Router::new()
        .route("/payouts", post(create))
        .route("/payouts/{id}", get(poll))
        .with_state(Arc::new(state))
}

fn parse_headers(response: &template::RecordedResponse) -> HeaderMap {
    let parsed = response.headers.iter().filter_map(|(name, value)| {
        Some((name.parse::<HeaderName>().ok()?, value.parse::<HeaderValue>().ok()?))
    });
    parsed.collect()
}

async fn create(State(state): State<Arc<HttpState>>, _body: Bytes) -> Response {
    let Some(id) = state.create_batcher.create().await else {
        return build_response(StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new(), Body::empty());
    };
    let body = state.template.render_for(&state.template.create_response.body, id);
    build_response(StatusCode::CREATED, state.create_headers.clone(), body.into())
}

/// Floor H. Returns 304 if the request has `If-None-Match`.
async fn poll(State(state): State<Arc<HttpState>>, headers: HeaderMap) -> Response {
    if headers.contains_key(header::IF_NONE_MATCH) {
        let mut not_modified_headers = state.poll_headers.clone();
        not_modified_headers.remove(header::CONTENT_TYPE);
        return build_response(StatusCode::NOT_MODIFIED, not_modified_headers, Body::empty());
    }
    build_response(StatusCode::OK, state.poll_headers.clone(), state.poll_body.clone().into())
}

fn build_response(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
