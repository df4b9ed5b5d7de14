//! What surrounds every request: its id, its log line, its metrics, and the promise that every error, a panic
//! included, is a problem document.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::body::HttpBody;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::Instrument;

use super::limits::Standing;
use super::meters::{Labels, Meters};
use super::request_id::{self, X_REQUEST_ID};
use super::{Code, Principal, Problem};

/// What is known of a request while it is answered.
#[derive(Debug)]
pub(super) struct Exchange {
    request_id: String,
    method: Method,
    uri: Uri,
    /// Of which the path is one.
    pattern: Option<MatchedPath>,
    principal: OnceLock<Principal>,
    limit: OnceLock<Standing>,
}

impl Exchange {
    fn of(request: &Request) -> Self {
        Self {
            request_id: request_id::of(request.headers()),
            method: request.method().clone(),
            uri: request.uri().clone(),
            pattern: request.extensions().get::<MatchedPath>().cloned(),
            principal: OnceLock::new(),
            limit: OnceLock::new(),
        }
    }

    /// The request's own name.
    pub(super) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The path it asks for.
    pub(super) fn path(&self) -> &str {
        self.uri.path()
    }

    /// The path's pattern: few, whatever clients send.
    fn route(&self) -> &str {
        self.pattern.as_ref().map_or("unmatched", MatchedPath::as_str)
    }

    /// Notes where its caller stands with a limit, for its answer's headers.
    pub(super) fn stands(&self, standing: Standing) {
        // One limit applies to a request.
        let _ = self.limit.set(standing);
    }

    /// Notes whom the request speaks for, for its log line.
    pub(super) fn speaks_for(&self, principal: Principal) {
        // Authenticated once per request; a second time would say the same.
        let _ = self.principal.set(principal);
    }

    fn method_label(&self) -> &'static str {
        const KNOWN: [&str; 8] = ["GET", "POST", "HEAD", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE"];
        KNOWN.into_iter().find(|known| *known == self.method.as_str()).unwrap_or("other")
    }
}

/// Marks an answer for people: its errors are pages, not problem documents.
#[derive(Debug, Clone, Copy)]
pub(super) struct ForPeople;

/// Marks an answer that is to go out as it is: an error among those was made a problem document long ago.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finished;

/// Answers a request, whatever happens on the way.
pub(super) async fn envelope(
    State(meters): State<Arc<Meters>>,
    mut request: Request,
    next: Next,
) -> Response {
    let exchange = Arc::new(Exchange::of(&request));
    request.extensions_mut().insert(Arc::clone(&exchange));
    let observation = Observation::begin(Arc::clone(&exchange), meters);
    // As with its log line: reads are many, and whatever matters of one is in its own line.
    let span = if exchange.method.is_safe() {
        tracing::debug_span!("request", request_id = exchange.request_id)
    } else {
        tracing::info_span!("request", request_id = exchange.request_id)
    };
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span).await;
    let response = answered.unwrap_or_else(|panic| {
        let reason = panic_text(&*panic);
        let (request_id, route) = (exchange.request_id(), exchange.route());
        tracing::error!(request_id, reason, route, "a request's handler panicked");
        metrics::counter!("payoutd_http_panics_total").increment(1);
        Problem::unavailable().into_response()
    });
    let response = sealed(response, &exchange);
    observation.end(response.status());
    response
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

/// Ends a request that takes too long. What it set going runs on: writes do not depend on who waits for them.
pub(super) async fn deadline(limit: Duration, request: Request, next: Next) -> Response {
    within(limit, next.run(request)).await.unwrap_or_else(|| Problem::unavailable().into_response())
}

/// The answer to a request, where there is one in time.
pub(super) async fn within<T>(limit: Duration, answer: impl Future<Output = T>) -> Option<T> {
    let answer = tokio::time::timeout(limit, answer).await.ok();
    if answer.is_none() {
        tracing::warn!(?limit, "a request was not answered in time");
    }
    answer
}

fn sealed(response: Response, exchange: &Exchange) -> Response {
    let mut response = as_problem(response, exchange);
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&exchange.request_id) {
        headers.insert(X_REQUEST_ID, id);
    }
    if let Some(standing) = exchange.limit.get() {
        standing.add_to(headers);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// An error with the request it belongs to, as a problem document whoever made it.
fn as_problem(response: Response, exchange: &Exchange) -> Response {
    let status = response.status();
    let marks = response.extensions();
    let as_it_is = marks.get::<ForPeople>().is_some() || marks.get::<Finished>().is_some();
    if as_it_is || (!status.is_client_error() && !status.is_server_error()) {
        return response;
    }
    let problem = match response.extensions().get::<Problem>() {
        Some(problem) => problem.clone(),
        None => Problem::new(Code::for_status(status), "The request was refused."),
    };
    let mut answer = problem.answer(Some(exchange.path()), Some(&exchange.request_id));
    if exchange.method == Method::HEAD {
        let length = answer.body().size_hint().exact().unwrap_or(0);
        answer.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        *answer.body_mut() = axum::body::Body::empty();
    }
    if let Some(allow) = response.headers().get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow.clone());
    }
    answer
}

/// Counts, times and logs one request, also where its client hangs up before the answer.
struct Observation {
    exchange: Arc<Exchange>,
    meters: Arc<Meters>,
    began: Instant,
    ended: bool,
}

impl Observation {
    fn begin(exchange: Arc<Exchange>, meters: Arc<Meters>) -> Self {
        meters.in_flight.increment(1.0);
        Self { exchange, meters, began: Instant::now(), ended: false }
    }

    fn end(mut self, status: StatusCode) {
        self.ended = true;
        self.record(Some(status));
    }

    fn record(&self, status: Option<StatusCode>) {
        let exchange = &*self.exchange;
        let elapsed = self.began.elapsed();
        let status = status.map(|status| status.as_u16());
        let labels = Labels { method: exchange.method_label(), status };
        self.meters.in_flight.decrement(1.0);
        self.meters.count(exchange.route(), labels, elapsed);
        // Partners poll without end: what was read and came to nothing else is for whoever looks closely.
        let read = exchange.method == Method::GET && status.is_none_or(|status| status < 400);
        let principal = exchange.principal.get();
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    request_id = exchange.request_id,
                    method = exchange.method_label(),
                    route = exchange.route(),
                    status = status,
                    duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
                    org = principal.map(|principal| tracing::field::display(principal.org)),
                    key_id = principal.map(|principal| tracing::field::display(principal.key_id)),
                    "request {}",
                    if status.is_some() { "answered" } else { "given up by its client" }
                )
            };
        }
        if read { log!(debug) } else { log!(info) }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        if !self.ended {
            self.record(None);
        }
    }
}
