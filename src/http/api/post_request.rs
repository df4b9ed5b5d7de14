//! Extractors for POST requests: the authenticated caller, the complete body and the idempotency key.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;

use super::state::ApiState;
use crate::http::extract::body::{BodyLimits, JsonBody};
use crate::http::extract::idempotency_key;
use crate::http::middleware::request_context::RequestContext;
use crate::http::principal::Principal;
use crate::http::response::problem::Problem;
use crate::idempotency::IdempotencyContext;

/// A POST request whose `Idempotency-Key` is optional.
#[derive(Debug)]
pub(super) struct PostRequest {
    pub(super) principal: Principal,
    pub(super) body: JsonBody,
    /// `None` if the request has no idempotency key.
    pub(super) idempotency: Option<IdempotencyContext>,
    pub(super) context: Option<Arc<RequestContext>>,
}

/// A POST request whose `Idempotency-Key` is required.
#[derive(Debug)]
pub(super) struct KeyedPostRequest(pub(super) PostRequest);

type ReadKey = fn(&HeaderMap) -> Result<Option<&str>, Problem>;

impl PostRequest {
    async fn receive(request: Request, state: &ApiState, read_key: ReadKey) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let principal = Principal::from_request_parts(&mut parts, state).await?;
        let key = read_key(&parts.headers)?;
        let limits =
            BodyLimits { max_bytes: state.config.max_body_bytes, timeout: state.config.body_timeout };
        let body = JsonBody::receive(&parts, body, &limits).await?;
        let idempotency = key.map(|key| IdempotencyContext {
            key_hash: idempotency_key::hash(principal, key),
            fingerprint: idempotency_key::fingerprint(&parts.method, parts.uri.path(), body.bytes()),
        });
        let context = parts.extensions.get::<Arc<RequestContext>>().map(Arc::clone);
        Ok(Self { principal, body, idempotency, context })
    }
}

impl FromRequest<ApiState> for PostRequest {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        Self::receive(request, state, idempotency_key::optional).await
    }
}

impl FromRequest<ApiState> for KeyedPostRequest {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        PostRequest::receive(request, state, idempotency_key::required).await.map(Self)
    }
}
