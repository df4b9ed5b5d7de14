//! What is answered to a POST request, the first time and again.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use payoutd_actors::ports::IdempotencyRecord;
use serde::Serialize;

use crate::http::envelope::{Exchange, Finished};
use crate::http::{Code, Problem};

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// An answer to a POST request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) struct Answer {
    pub(super) status: StatusCode,
    pub(super) location: Option<Arc<str>>,
    pub(super) body: Arc<str>,
}

impl Answer {
    /// JSON that is written already.
    pub(in crate::http) fn written(status: StatusCode, body: String) -> Self {
        Self { status, location: None, body: body.into() }
    }

    /// An answer in JSON.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(in crate::http) fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(body).map_err(|error| {
            tracing::error!(%error, "an answer could not be written");
            Problem::unavailable()
        })?;
        Ok(Self::written(status, body))
    }

    /// The same, saying where what was made is to be found.
    pub(in crate::http) fn at(self, location: String) -> Self {
        Self { location: Some(location.into()), ..self }
    }

    /// The whole document of a problem, as the envelope writes it.
    pub(super) fn of(problem: &Problem, exchange: Option<&Exchange>) -> Self {
        let document = problem.document(exchange.map(Exchange::path), exchange.map(Exchange::request_id));
        Self::written(problem.code().status(), document)
    }

    /// On its way out.
    pub(super) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body.as_bytes().to_vec()));
        *response.status_mut() = self.status;
        let media =
            if self.status.is_client_error() { "application/problem+json" } else { "application/json" };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        // Made of a path and an id: always a header's value.
        if let Some(location) = self.location.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(header::LOCATION, location);
        }
        response
    }
}

/// An answer given before, once more.
pub(super) fn replayed(kept: IdempotencyRecord) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(kept.status).map_err(|error| {
        tracing::error!(%error, status = kept.status, "an answer is damaged");
        Problem::unavailable()
    })?;
    let answer = Answer { status, location: kept.location, body: kept.body };
    let mut response = answer.into_response();
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response.extensions_mut().insert(Finished);
    Ok(response)
}

/// Whether an answer of this code is the last word on its request. Not of those that say nothing about what was asked
/// (who are you, not now, too many), nor of those to what could not be read as a request at all.
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
