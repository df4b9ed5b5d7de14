//! What every stream of server-sent events has in common.

use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

/// Asks nginx and its like to pass events on at once.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A line that says no more than that the stream is still there.
pub(super) const HEARTBEAT: &str = ":\n\n";

/// The answer whose body these frames are.
pub(super) fn answer(frames: impl Stream<Item = String> + Send + 'static) -> Response {
    let body = frames.map(|frame| Ok::<_, Infallible>(Bytes::from(frame)));
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// Tells a reader whose stream broke when to come back: not all at once, after a restart.
pub(super) fn retry() -> String {
    format!("retry: {}\n\n", 1_000 + RandomState::new().hash_one(0) % 3_000)
}
