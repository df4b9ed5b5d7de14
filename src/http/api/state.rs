//! The state that the API's handlers share.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use payoutd_actors::handle::PayoutsHandle;

use super::body_cache::BodyCache;
use super::long_poll_limit::LongPollLimit;
use crate::http::base_path::BasePath;
use crate::http::extract::auth::Authenticator;
use crate::http::middleware::rate_limit::RateLimits;
use crate::idempotency::Idempotency;
use crate::payout_query::PayoutQueryStore;
use crate::quotes::{QuoteUsage, Quotes, Signer};
use crate::webhooks::WebhookService;
use crate::wire::Renderer;

#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// The prefix of the API's paths.
    pub base_path: BasePath,
    pub max_body_bytes: usize,
    /// The time limit for receiving a request's body.
    pub body_timeout: Duration,
    /// The time limit for a request, from its head to the head of its response. The wait of a long poll is added.
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

/// The services that the API calls, and its configuration.
pub struct ApiDependencies {
    pub payouts: PayoutsHandle,
    pub quotes: Arc<dyn Quotes>,
    pub quote_usage: Arc<dyn QuoteUsage>,
    pub payout_query: Arc<dyn PayoutQueryStore>,
    pub webhooks: Arc<WebhookService>,
    pub idempotency: Idempotency,
    pub authenticator: Authenticator,
    pub rate_limits: RateLimits,
    pub long_polls: LongPollLimit,
    pub renderer: Renderer,
    /// Signs the cursors of lists.
    pub cursor_signer: Signer,
    pub config: ApiConfig,
}

/// The shared state of all handlers. Cheap to clone.
#[derive(Clone)]
pub(in crate::http) struct ApiState(Arc<Shared>);

struct Shared {
    dependencies: ApiDependencies,
    bodies: BodyCache,
}

impl ApiState {
    pub(super) fn new(dependencies: ApiDependencies) -> Self {
        Self(Arc::new(Shared { dependencies, bodies: BodyCache::default() }))
    }

    pub(super) fn bodies(&self) -> &BodyCache {
        &self.0.bodies
    }
}

impl Deref for ApiState {
    type Target = ApiDependencies;

    fn deref(&self) -> &ApiDependencies {
        &self.0.dependencies
    }
}
