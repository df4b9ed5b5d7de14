//! RFC 9457 problem documents, the form of every error response.

mod code;

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use payoutd_domain::PayoutId;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::contracts;

pub use code::Code;

/// An error response. The middleware adds the request's path and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    field: Option<Cow<'static, str>>,
    payout_id: Option<PayoutId>,
    close: bool,
    retry_after: Option<u64>,
}

/// An error, as an RFC 9457 problem document.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(in crate::http) struct Document<'a> {
    /// `/problems/` and the code.
    #[schemars(extend("format" = "uri-reference"))]
    r#type: String,
    /// A short description of the code. It is the same for every error with this code.
    title: &'static str,
    /// The HTTP status.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// A description of this error for people. Its wording may change: programs decide by `code`.
    detail: &'a str,
    /// The requested path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    instance: Option<&'a str>,
    /// The kind of error, for programs.
    code: &'static str,
    /// The request's id, which is also in the `X-Request-Id` header. Give it when you contact support.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    request_id: Option<&'a str>,
    /// The field, parameter or header that the error refers to, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    field: Option<&'a str>,
    /// With `quote_already_used`: your payout that used the quote.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "contracts::PayoutId")]
    payout_id: Option<PayoutId>,
}

/// The media type of problem documents.
pub(in crate::http) const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The `Retry-After` of a problem that has no better estimate.
const RETRY_AFTER_SECONDS: u64 = 1;

impl Problem {
    /// `detail` describes this error for people, and how to correct it.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), field: None, payout_id: None, close: false, retry_after: None }
    }

    /// `validation_error` for one field.
    #[must_use]
    pub fn validation(field: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::ValidationError, detail).at(field)
    }

    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(
            Code::Unavailable,
            "The request could not be completed just now. It is safe to repeat the same call.",
        )
    }

    /// `rate_limited`. The client may retry after `retry_after` seconds.
    #[must_use]
    pub fn rate_limited(detail: impl Into<Cow<'static, str>>, retry_after: u64) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(Code::RateLimited, detail) }
    }

    /// `payout_not_found`. A malformed id and a payout of another organisation or mode have the same response as a
    /// payout that does not exist.
    #[must_use]
    pub fn payout_not_found() -> Self {
        Self::new(Code::PayoutNotFound, "There is no payout with this id.")
    }

    /// `quote_already_used`. `payout_id` must be a payout of the caller.
    #[must_use]
    pub fn quote_already_used(payout_id: PayoutId) -> Self {
        let problem =
            Self::new(Code::QuoteAlreadyUsed, "The quote was executed already; payout_id names the payout.");
        Self { payout_id: Some(payout_id), ..problem }
    }

    /// Sets the field, parameter or header that the problem refers to.
    #[must_use]
    pub fn at(self, field: impl Into<Cow<'static, str>>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// Closes the connection after the response, because the rest of the request has not been read.
    #[must_use]
    pub(in crate::http) fn closing(self) -> Self {
        Self { close: true, ..self }
    }

    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    fn to_document<'a>(&'a self, instance: Option<&'a str>, request_id: Option<&'a str>) -> Document<'a> {
        Document {
            r#type: format!("/problems/{}", self.code),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: &self.detail,
            instance,
            code: self.code.as_str(),
            request_id,
            field: self.field.as_deref(),
            payout_id: self.payout_id,
        }
    }

    /// The document as a value, for the examples of the OpenAPI document.
    pub(in crate::http) fn example(&self, instance: &str, request_id: &str) -> Value {
        serde_json::to_value(self.to_document(Some(instance), Some(request_id))).unwrap_or_default()
    }

    /// The JSON document for the request with this path and id.
    pub(in crate::http) fn document(&self, instance: Option<&str>, request_id: Option<&str>) -> String {
        // Strings and numbers always serialize.
        serde_json::to_string(&self.to_document(instance, request_id)).unwrap_or_default()
    }

    /// The response to the request with this path and id.
    pub(in crate::http) fn response(&self, instance: Option<&str>, request_id: Option<&str>) -> Response {
        let mut response = Response::new(Body::from(self.document(instance, request_id)));
        *response.status_mut() = self.code.status();
        self.add_headers(&mut response);
        response.extensions_mut().insert(self.clone());
        response
    }

    fn add_headers(&self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let status = self.code.status();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(header::RETRY_AFTER, self.retry_after.unwrap_or(RETRY_AFTER_SECONDS).into());
        }
        if self.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.response(None, None)
    }
}
