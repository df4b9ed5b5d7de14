//! RFC 9457 problem documents: the one shape of every error.

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

/// One error, ready to be answered. The envelope adds which request it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    field: Option<Cow<'static, str>>,
    payout_id: Option<PayoutId>,
    close: bool,
    retry_after: Option<u64>,
}

/// What went wrong, as RFC 9457 has it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct Document<'a> {
    /// `/problems/` and the code.
    #[schemars(extend("format" = "uri-reference"))]
    r#type: String,
    /// The code's meaning in a few words, the same every time.
    title: &'static str,
    /// The HTTP status.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// What is wrong here, for people. Its words may change: decide by `code`.
    detail: &'a str,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    instance: Option<&'a str>,
    /// What went wrong, for programs.
    code: &'static str,
    /// The request's id, which is in the `X-Request-Id` header as well. Name it when you ask us.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    request_id: Option<&'a str>,
    /// The field, parameter or header at fault, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    field: Option<&'a str>,
    /// With `quote_already_used`: your payout that came of the quote.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "contracts::PayoutId")]
    payout_id: Option<PayoutId>,
}

/// After how many seconds a client should try again, where nobody knows better.
const RETRY_AFTER_SECONDS: u64 = 1;

impl Problem {
    /// A problem with `detail` for people: what is wrong here, and what to do about it.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), field: None, payout_id: None, close: false, retry_after: None }
    }

    /// `validation_error` for one field.
    #[must_use]
    pub fn validation(field: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::ValidationError, detail).at(field)
    }

    /// `unavailable`.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(
            Code::Unavailable,
            "The request could not be completed just now. It is safe to repeat the same call.",
        )
    }

    /// `rate_limited`, for so many seconds.
    #[must_use]
    pub fn rate_limited(detail: impl Into<Cow<'static, str>>, retry_after: u64) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(Code::RateLimited, detail) }
    }

    /// `payout_not_found`: the same for a malformed id, a missing payout, another organisation's and the other mode's.
    #[must_use]
    pub fn payout_not_found() -> Self {
        Self::new(Code::PayoutNotFound, "There is no payout with this id.")
    }

    /// `quote_already_used` by one of the caller's own payouts.
    #[must_use]
    pub fn quote_already_used(payout_id: PayoutId) -> Self {
        let problem =
            Self::new(Code::QuoteAlreadyUsed, "The quote was executed already; payout_id names the payout.");
        Self { payout_id: Some(payout_id), ..problem }
    }

    /// The same problem, with the field at fault.
    #[must_use]
    pub fn at(self, field: impl Into<Cow<'static, str>>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// The same problem, after which the connection is of no use: part of the request is still on its way.
    #[must_use]
    pub(super) fn closing(self) -> Self {
        Self { close: true, ..self }
    }

    /// What went wrong.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The field at fault, where there is one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    fn parts<'a>(&'a self, instance: Option<&'a str>, request_id: Option<&'a str>) -> Document<'a> {
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

    /// The document of such a problem with the request of that path and id, to be shown as an example.
    pub(super) fn example(&self, instance: &str, request_id: &str) -> Value {
        serde_json::to_value(self.parts(Some(instance), Some(request_id))).unwrap_or_default()
    }

    /// The document that answers the request of that path and id.
    pub(super) fn document(&self, instance: Option<&str>, request_id: Option<&str>) -> String {
        // Strings and numbers cannot fail to be written; the status alone would still tell enough.
        serde_json::to_string(&self.parts(instance, request_id)).unwrap_or_default()
    }

    /// The answer to the request of that path and id.
    pub(super) fn answer(&self, instance: Option<&str>, request_id: Option<&str>) -> Response {
        let mut response = Response::new(Body::from(self.document(instance, request_id)));
        *response.status_mut() = self.code.status();
        self.add_headers(&mut response);
        response.extensions_mut().insert(self.clone());
        response
    }

    fn add_headers(&self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
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
        self.answer(None, None)
    }
}
