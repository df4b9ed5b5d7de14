//! The response to a POST request, in the form in which an idempotency record stores it.

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use payoutd_actors::ports::IdempotencyRecord;
use serde::Serialize;

use crate::http::middleware::finalize::PreRendered;
use crate::http::middleware::request_context::RequestContext;
use crate::http::response::json::{json_response, to_json};
use crate::http::response::problem::{Code, PROBLEM_JSON, Problem};

const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A response that can be stored and replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PostResponse {
    pub(super) status: StatusCode,
    pub(super) location: Option<Arc<str>>,
    pub(super) body: Arc<str>,
}

impl PostResponse {
    /// A response whose body is already JSON.
    pub(super) fn rendered(status: StatusCode, json: String) -> Self {
        Self { status, location: None, body: json.into() }
    }

    /// # Errors
    /// Returns `unavailable` if `body` cannot be serialized.
    pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        Ok(Self::rendered(status, to_json(body)?))
    }

    /// Sets the path of the resource that was created.
    pub(super) fn with_location(self, location: String) -> Self {
        Self { location: Some(location.into()), ..self }
    }

    /// The complete problem document, as the middleware would render it.
    pub(super) fn of_problem(problem: &Problem, context: Option<&RequestContext>) -> Self {
        let path = context.map(RequestContext::path);
        let document = problem.document(path, context.map(RequestContext::request_id));
        Self::rendered(problem.code().status(), document)
    }

    pub(super) fn into_response(self) -> Response {
        let mut response = json_response(self.status, self.body.as_bytes().to_vec());
        let headers = response.headers_mut();
        if self.status.is_client_error() {
            headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        }
        // A location consists of a path and an id, which are always valid in a header.
        if let Some(location) = self.location.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(header::LOCATION, location);
        }
        response
    }
}

/// The response that a record stores.
///
/// # Errors
/// Returns `unavailable` if the stored status is invalid.
pub(super) fn replayed(record: IdempotencyRecord) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(record.status).map_err(|error| {
        tracing::error!(%error, status = record.status, "an idempotency record has an invalid status");
        Problem::unavailable()
    })?;
    let stored = PostResponse { status, location: record.location, body: record.body };
    let mut response = stored.into_response();
    response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    response.extensions_mut().insert(PreRendered);
    Ok(response)
}

/// Whether a problem is the final outcome of its request and may be stored. Problems that a repeated request may not
/// have (authentication, rate limits, temporary failures) and problems of requests that could not be parsed are not.
pub(super) fn is_final(code: Code) -> bool {
    match code {
        Code::QuoteNotFound
        | Code::PayoutNotFound
        | Code::ExternalRefUnknown
        | Code::NotFound
        | Code::QuoteAlreadyUsed
        | Code::QuoteExpired
        | Code::ValidationError
        | Code::InvalidDestination
        | Code::UnsupportedAsset
        | Code::UnsupportedRoute
        | Code::AmountOutOfRange => true,
        Code::MalformedRequest
        | Code::PayloadTooLarge
        | Code::UnsupportedMediaType
        | Code::IdempotencyKeyRequired
        | Code::IdempotencyConflict
        | Code::IdempotencyInProgress
        | Code::InvalidApiKey
        | Code::MethodNotAllowed
        | Code::RequestTimeout
        | Code::RateLimited
        | Code::Unavailable => false,
    }
}
