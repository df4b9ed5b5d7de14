//! Data about a request that middleware, extractors and handlers share while it is processed.

use std::sync::OnceLock;

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, Uri};

use super::rate_limit::RateLimitStatus;
use super::request_id;
use crate::http::principal::Principal;

/// The context of one request, stored in its extensions.
#[derive(Debug)]
pub(in crate::http) struct RequestContext {
    request_id: String,
    method: Method,
    uri: Uri,
    matched_path: Option<MatchedPath>,
    principal: OnceLock<Principal>,
    rate_limit: OnceLock<RateLimitStatus>,
}

impl RequestContext {
    pub(super) fn of(request: &Request) -> Self {
        Self {
            request_id: request_id::of(request.headers()),
            method: request.method().clone(),
            uri: request.uri().clone(),
            matched_path: request.extensions().get::<MatchedPath>().cloned(),
            principal: OnceLock::new(),
            rate_limit: OnceLock::new(),
        }
    }

    pub(in crate::http) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The requested path.
    pub(in crate::http) fn path(&self) -> &str {
        self.uri.path()
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// The method as a metric label. Unknown methods share one label, so that clients cannot create labels.
    pub(super) fn method_label(&self) -> &'static str {
        const KNOWN: [&str; 8] = ["GET", "POST", "HEAD", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE"];
        KNOWN.into_iter().find(|known| *known == self.method.as_str()).unwrap_or("other")
    }

    /// The route's pattern as a metric label. Unknown paths share one label.
    pub(super) fn route(&self) -> &str {
        self.matched_path.as_ref().map_or("unmatched", MatchedPath::as_str)
    }

    /// Records the authenticated caller for the log line.
    pub(in crate::http) fn set_principal(&self, principal: Principal) {
        // A request is authenticated once. A second call would set the same value.
        let _ = self.principal.set(principal);
    }

    pub(super) fn principal(&self) -> Option<&Principal> {
        self.principal.get()
    }

    /// Records the state of the rate limit that applies, for the response's headers.
    pub(in crate::http) fn set_rate_limit(&self, status: RateLimitStatus) {
        // At most one rate limit applies to a request.
        let _ = self.rate_limit.set(status);
    }

    pub(super) fn rate_limit(&self) -> Option<&RateLimitStatus> {
        self.rate_limit.get()
    }
}
