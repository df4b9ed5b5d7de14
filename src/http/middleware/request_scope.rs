//! The outermost middleware.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::Instrument;

use super::finalize::finalize;
use super::observation::Observation;
use super::request_context::RequestContext;
use super::request_metrics::RequestMetrics;
use crate::http::response::problem::Problem;

/// Creates the request's context and runs the handler in a tracing span with the request's id. Catches a panic, turns
/// every error into a problem document, and records metrics and a log line.
pub(in crate::http) async fn request_scope(
    State(metrics): State<Arc<RequestMetrics>>,
    mut request: Request,
    next: Next,
) -> Response {
    let context = Arc::new(RequestContext::of(&request));
    request.extensions_mut().insert(Arc::clone(&context));
    let observation = Observation::begin(Arc::clone(&context), metrics);
    // Reads are frequent, so their spans have the level of their log lines.
    let span = if context.method().is_safe() {
        tracing::debug_span!("request", request_id = context.request_id())
    } else {
        tracing::info_span!("request", request_id = context.request_id())
    };
    let result = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span).await;
    let response = result.unwrap_or_else(|panic| {
        let reason = panic_message(&*panic);
        let (request_id, route) = (context.request_id(), context.route());
        tracing::error!(request_id, reason, route, "a request handler panicked");
        metrics::counter!("payoutd_http_panics_total").increment(1);
        Problem::unavailable().into_response()
    });
    let response = finalize(response, &context);
    observation.end(response.status());
    response
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
