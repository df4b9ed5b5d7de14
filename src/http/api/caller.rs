//! Extracts the caller of a request: authenticates the API key and applies its rate limit.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;

use super::state::ApiState;
use crate::http::extract::auth::AuthError;
use crate::http::middleware::rate_limit::RateLimitStatus;
use crate::http::middleware::request_context::RequestContext;
use crate::http::principal::Principal;
use crate::http::response::problem::{Code, Problem};

impl FromRequestParts<ApiState> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let context = parts.extensions.get::<Arc<RequestContext>>();
        let report = |status: RateLimitStatus| {
            if let Some(context) = context {
                context.set_rate_limit(status);
            }
        };
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        match state.authenticator.authenticate(&parts.headers, peer).await {
            Ok(principal) => {
                if let Some(context) = context {
                    context.set_principal(principal);
                }
                let Some((allowed, status)) = state.rate_limits.count(principal.key_id, &parts.method) else {
                    return Ok(principal);
                };
                report(status);
                if allowed {
                    return Ok(principal);
                }
                Err(status.problem("This key calls more often than it may; see the RateLimit headers."))
            }
            Err(AuthError::TooManyAttempts(status)) => {
                report(status);
                Err(status.problem("Too many API keys from this address were refused."))
            }
            Err(AuthError::InvalidKey) => Err(Problem::new(
                Code::InvalidApiKey,
                "Send a valid API key: `Authorization: Bearer sk_live_…` or `sk_test_…`.",
            )),
            Err(AuthError::Unavailable(error)) => {
                tracing::warn!(%error, "an API key could not be looked up");
                Err(Problem::unavailable())
            }
        }
    }
}
