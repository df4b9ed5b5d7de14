//! The metrics and the log line of one request.

use std::sync::Arc;
use std::time::Instant;

use axum::http::{Method, StatusCode};

use super::request_context::RequestContext;
use super::request_metrics::{RequestLabels, RequestMetrics};

/// Records a request when it ends. If this is dropped before [`end`](Self::end), the client has disconnected.
pub(super) struct Observation {
    context: Arc<RequestContext>,
    metrics: Arc<RequestMetrics>,
    started_at: Instant,
    ended: bool,
}

impl Observation {
    pub(super) fn begin(context: Arc<RequestContext>, metrics: Arc<RequestMetrics>) -> Self {
        metrics.in_flight.increment(1.0);
        Self { context, metrics, started_at: Instant::now(), ended: false }
    }

    pub(super) fn end(mut self, status: StatusCode) {
        self.ended = true;
        self.record(Some(status));
    }

    fn record(&self, status: Option<StatusCode>) {
        let context = &*self.context;
        let elapsed = self.started_at.elapsed();
        let status = status.map(|status| status.as_u16());
        let labels = RequestLabels { method: context.method_label(), status };
        self.metrics.in_flight.decrement(1.0);
        self.metrics.record(context.route(), labels, elapsed);
        // Partners poll all the time, so a successful read is logged at the debug level only.
        let is_read = context.method() == Method::GET && status.is_none_or(|status| status < 400);
        let principal = context.principal();
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    request_id = context.request_id(),
                    method = context.method_label(),
                    route = context.route(),
                    status = status,
                    duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
                    org = principal.map(|principal| tracing::field::display(principal.org)),
                    key_id = principal.map(|principal| tracing::field::display(principal.key_id)),
                    "request {}",
                    if status.is_some() { "completed" } else { "aborted by the client" }
                )
            };
        }
        if is_read { log!(debug) } else { log!(info) }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        if !self.ended {
            self.record(None);
        }
    }
}
