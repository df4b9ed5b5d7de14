//! The HTTP routes for operators: `/metrics`, `/livez` and `/readyz`.

mod guard;
mod readiness;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use metrics_exporter_prometheus::PrometheusHandle;

pub use readiness::{Check, Readiness};

use crate::config::Secret;

/// Creates the router. Every route requires `token`, if it is not empty.
pub fn router(readiness: Arc<Readiness>, metrics: PrometheusHandle, token: &Secret) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/metrics", get(render_metrics).with_state(metrics))
        .route("/readyz", get(readyz).with_state(readiness))
        .layer(middleware::from_fn_with_state(guard::ExpectedToken::new(token), guard::require_token))
}

/// Does not check dependencies: restarting the process does not help if the database is unavailable.
async fn livez() -> &'static str {
    "ok\n"
}

async fn readyz(State(readiness): State<Arc<Readiness>>) -> Response {
    let report = readiness.report().await;
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(report)).into_response()
}

async fn render_metrics(State(metrics): State<PrometheusHandle>) -> Response {
    let text = metrics.render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
