//! The routes of the partner API.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::routing::{get, post};

use super::state::{ApiDependencies, ApiState};
use super::{payouts, quotes, webhooks};
use crate::http::middleware::deadline::enforce_deadline;
use crate::http::middleware::request_metrics::RequestMetrics;
use crate::http::middleware::request_scope::request_scope;
use crate::http::response::problem::{Code, Problem};

/// The router of the partner API.
pub fn api_router(dependencies: ApiDependencies) -> Router {
    let state = ApiState::new(dependencies);
    let base_path = &state.config.base_path;
    let limit = state.config.request_timeout;
    Router::new()
        .route(&base_path.join("/payouts/quote"), post(quotes::quote))
        .route(&base_path.join("/payouts"), post(payouts::create).get(payouts::list))
        .route(&base_path.join("/payouts/{id}/events"), get(payouts::events))
        .merge(webhooks::routes(base_path))
        .layer(from_fn(move |request: Request, next: Next| enforce_deadline(limit, request, next)))
        // This handler enforces its own deadline, because a long poll extends it.
        .route(&base_path.join("/payouts/{id}"), get(payouts::read))
        .fallback(path_not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::new(RequestMetrics::new()), request_scope))
        .with_state(state)
}

async fn path_not_found() -> Problem {
    Problem::new(Code::NotFound, "There is nothing at this path.")
}

async fn method_not_allowed() -> Problem {
    Problem::new(Code::MethodNotAllowed, "This path does not have this method; Allow names those it has.")
}
