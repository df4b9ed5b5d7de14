//! The time limit of a request.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::response::problem::Problem;

/// Responds with `unavailable` if the handler exceeds `limit`. A write that the handler has started still completes: it
/// runs in a task of its own (see [`run_to_completion`]).
///
/// [`run_to_completion`]: crate::runtime::detached::run_to_completion
pub(in crate::http) async fn enforce_deadline(limit: Duration, request: Request, next: Next) -> Response {
    within(limit, next.run(request)).await.unwrap_or_else(|| Problem::unavailable().into_response())
}

/// The output of `work`, or `None` if it exceeds `limit`.
pub(in crate::http) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let output = tokio::time::timeout(limit, work).await.ok();
    if output.is_none() {
        tracing::warn!(?limit, "a request exceeded its time limit");
    }
    output
}
