//! Responses that are streams of server-sent events.

use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

/// Disables response buffering in nginx and compatible proxies.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A comment that keeps an idle stream open.
pub(in crate::http) const HEARTBEAT: &str = ":\n\n";

/// A response whose body is these frames.
pub(in crate::http) fn event_stream(frames: impl Stream<Item = String> + Send + 'static) -> Response {
    let body = frames.map(|frame| Ok::<_, Infallible>(Bytes::from(frame)));
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// Sets the client's reconnection delay. It is random, so that clients do not all reconnect at once after a restart.
pub(in crate::http) fn reconnect_delay() -> String {
    format!("retry: {}\n\n", 1_000 + RandomState::new().hash_one(0) % 3_000)
}
