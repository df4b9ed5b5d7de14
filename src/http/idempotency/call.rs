//! A POST request, read whole and its caller known, before anything is done.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;

use super::Named;
use super::key::{self, fingerprint};
use crate::http::body::{BodyLimits, JsonBody};
use crate::http::envelope::Exchange;
use crate::http::router::ApiState;
use crate::http::{Principal, Problem};

/// A call whose `Idempotency-Key` is optional.
#[derive(Debug)]
pub(in crate::http) struct Call {
    pub(super) principal: Principal,
    pub(super) body: JsonBody,
    pub(super) named: Option<Named>,
    pub(super) exchange: Option<Arc<Exchange>>,
}

/// A call that must have an `Idempotency-Key`.
#[derive(Debug)]
pub(in crate::http) struct KeyedCall(pub(in crate::http) Call);

type KeyIn = fn(&HeaderMap) -> Result<Option<&str>, Problem>;

impl Call {
    async fn read(request: Request, edge: &ApiState, key_in: KeyIn) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let principal = Principal::from_request_parts(&mut parts, edge).await?;
        let key = key_in(&parts.headers)?;
        let limits = BodyLimits { max_bytes: edge.config.max_body_bytes, timeout: edge.config.body_timeout };
        let body = JsonBody::take(&parts, body, &limits).await?;
        let named = key.map(|key| Named {
            name: key::name(principal, key),
            fingerprint: fingerprint(&parts.method, parts.uri.path(), body.bytes()),
        });
        let exchange = parts.extensions.get::<Arc<Exchange>>().map(Arc::clone);
        Ok(Self { principal, body, named, exchange })
    }
}

impl FromRequest<ApiState> for Call {
    type Rejection = Problem;

    async fn from_request(request: Request, edge: &ApiState) -> Result<Self, Problem> {
        Self::read(request, edge, key::optional).await
    }
}

impl FromRequest<ApiState> for KeyedCall {
    type Rejection = Problem;

    async fn from_request(request: Request, edge: &ApiState) -> Result<Self, Problem> {
        Call::read(request, edge, key::required).await.map(Self)
    }
}
