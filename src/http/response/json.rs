//! JSON responses.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;

use super::problem::Problem;

/// Serializes a response body.
///
/// # Errors
/// Returns `unavailable` if `body` cannot be serialized.
pub(in crate::http) fn to_json(body: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(body).map_err(|error| {
        tracing::error!(%error, "a response body could not be serialized");
        Problem::unavailable()
    })
}

/// A response with a serialized JSON body.
pub(in crate::http) fn json_response(status: StatusCode, json: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(json.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A `200 OK` response with this body.
///
/// # Errors
/// Returns `unavailable` if `body` cannot be serialized.
pub(in crate::http) fn ok_json(body: &impl Serialize) -> Result<Response, Problem> {
    Ok(json_response(StatusCode::OK, to_json(body)?))
}
