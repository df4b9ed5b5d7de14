//! The HTTP edge: the server, the partner API, its documentation, and the tracking page.
//!
//! The layers, lowest first: `server` accepts connections; `response` has the forms of responses; `middleware` runs
//! around every request and turns every error into a problem document; `extract` parses requests; `api`, `openapi` and
//! `tracking` have the routes. Only a request that hyper itself refuses, such as one with an oversized head, gets a bare
//! status. The edge calls services through their traits and does not depend on the store or the broker.

mod api;
mod base_path;
mod extract;
#[doc(hidden)]
pub mod fuzzing;
mod middleware;
mod openapi;
mod principal;
mod response;
mod server;
mod tracking;

#[cfg(test)]
mod tests;

pub use api::long_poll_limit::{LongPollConfig, LongPollLimit};
pub use api::router::api_router;
pub use api::state::{ApiConfig, ApiDependencies};
pub use base_path::{BasePath, InvalidBasePath};
pub use extract::auth::Authenticator;
pub use extract::key_cache::KeyCacheConfig;
pub use middleware::rate_limit::{RateLimits, RateLimitsConfig};
pub use openapi::docs::{DocsContent, docs_router};
pub use openapi::openapi;
pub use principal::Principal;
pub use response::problem::{Code, Problem};
pub use server::{HttpServer, ServerLimits};
pub use tracking::{TrackingConfig, TrackingDependencies, tracking_router};
