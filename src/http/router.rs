//! The partner API's routes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::routing::{get, post};
use payoutd_actors::handle::PayoutsHandle;

use super::meters::Meters;
use super::{
    Authenticator, BasePath, Code, Idempotency, Limits, Problem, QuoteUsage, Quotes, Waiting, envelope,
    payouts, quotes, webhooks,
};
use crate::payout_query::PayoutQueryStore;
use crate::quotes::Signer;
use crate::wire::Renderer;

/// How the edge behaves.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// The path under which the API lives.
    pub base_path: BasePath,
    /// The largest body of a request, in bytes.
    pub max_body_bytes: usize,
    /// How long a request's body may take.
    pub body_timeout: Duration,
    /// How long a request may take from its head to its answer's.
    pub request_timeout: Duration,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            base_path: BasePath::default(),
            max_body_bytes: 16 * 1024,
            body_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(15),
        }
    }
}

/// What the edge works with.
pub struct ApiDependencies {
    /// The payouts.
    pub payouts: PayoutsHandle,
    /// Gives quotes and opens them.
    pub quoting: Arc<dyn Quotes>,
    /// Knows which payout came of a quote.
    pub created_from: Arc<dyn QuoteUsage>,
    /// Knows callers.
    pub authenticator: Authenticator,
    /// Says who calls too often.
    pub limits: Limits,
    /// Gives answers again.
    pub idempotency: Idempotency,
    /// Renders payouts.
    pub renderer: Renderer,
    /// Finds payouts.
    pub listing: Arc<dyn PayoutQueryStore>,
    /// Signs the places in lists.
    pub cursors: Signer,
    /// What requests that wait share.
    pub waiting: Waiting,
    /// Does what partners ask for about webhooks.
    pub webhooks: Arc<crate::webhooks::WebhookService>,
    /// How to behave.
    pub config: ApiConfig,
}

/// What handlers share. Cheap to clone.
pub(super) type ApiState = Arc<Shared>;

/// The parts, and what the handlers keep among themselves.
pub(super) struct Shared {
    parts: ApiDependencies,
    pub(super) bodies: payouts::Bodies,
}

impl std::ops::Deref for Shared {
    type Target = ApiDependencies;

    fn deref(&self) -> &ApiDependencies {
        &self.parts
    }
}

/// The partner API.
pub fn router(parts: ApiDependencies) -> Router {
    let edge: ApiState = Arc::new(Shared { parts, bodies: payouts::Bodies::default() });
    let base = &edge.config.base_path;
    let limit = edge.config.request_timeout;
    Router::new()
        .route(&base.join("/payouts/quote"), post(quotes::quote))
        .route(&base.join("/payouts"), post(payouts::create).get(payouts::list))
        .route(&base.join("/payouts/{id}/events"), get(payouts::events))
        .merge(webhooks::routes(base))
        .layer(from_fn(move |request: Request, next: Next| envelope::deadline(limit, request, next)))
        // Keeps its own time: it may be asked to wait.
        .route(&base.join("/payouts/{id}"), get(payouts::read))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(Arc::new(Meters::new()), envelope::envelope))
        .with_state(edge)
}

async fn no_such_path() -> Problem {
    Problem::new(Code::NotFound, "There is nothing at this path.")
}

async fn no_such_method() -> Problem {
    Problem::new(Code::MethodNotAllowed, "This path does not have this method; Allow names those it has.")
}
