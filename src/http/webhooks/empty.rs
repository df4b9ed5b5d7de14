//! Requests that have nothing to say: without a body, or with an empty JSON object.

use axum::body::HttpBody;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use serde::Deserialize;

use crate::http::Problem;
use crate::http::body::StrictJson;
use crate::http::router::Edge;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// No body, or `{}`.
#[derive(Debug)]
pub(super) struct NoBody;

impl FromRequest<Edge> for NoBody {
    type Rejection = Problem;

    async fn from_request(request: Request, edge: &Edge) -> Result<Self, Problem> {
        let announced = request.headers().contains_key(header::CONTENT_TYPE);
        if !announced && request.body().is_end_stream() {
            return Ok(Self);
        }
        // Clients that always say what their body is say so of none, too.
        if request.body().size_hint().exact() == Some(0) {
            return Ok(Self);
        }
        StrictJson::<Nothing>::from_request(request, edge).await.map(|StrictJson(Nothing {})| Self)
    }
}
