//! The routes of the tracking page, and their middleware.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::FutureExt;
use payoutd_actors::handle::PayoutsHandle;

use super::config::TrackingConfig;
use super::errors::with_error_page;
use super::reader::Reader;
use super::site::Site;
use super::{events, headers, pages};
use crate::http::middleware::finalize::HtmlErrors;
use crate::http::middleware::request_metrics::RequestMetrics;
use crate::http::middleware::request_scope::request_scope;
use crate::quotes::routes::Routes;
use crate::runtime::keyed_permits::{KeyedPermits, PermitMetrics};
use crate::runtime::shutdown::Shutdown;
use crate::tracking::{LookupError, PageRenderer, TokenIndex, TokenLookup};

/// The services that the tracking page calls, and its configuration.
pub struct TrackingDependencies {
    pub payouts: PayoutsHandle,
    /// Maps tracking tokens to payouts.
    pub index: Arc<dyn TokenIndex>,
    /// The display names of networks, and their explorers.
    pub routes: Arc<Routes>,
    /// Ends all event streams.
    pub shutdown: Shutdown,
    pub config: TrackingConfig,
}

const STREAM_METRICS: PermitMetrics =
    PermitMetrics { in_use: "payoutd_tracking_streams", rejected: "payoutd_tracking_streams_refused_total" };

/// The router of the tracking page. It is merged with the partner API's router, but has no base path.
pub fn tracking_router(dependencies: TrackingDependencies) -> Router {
    let TrackingDependencies { payouts, index, routes, shutdown, config } = dependencies;
    let site = Arc::new(Site {
        payouts,
        token_lookup: TokenLookup::new(index, config.misses_per_minute),
        pages: PageRenderer::new(routes),
        streams: Arc::new(KeyedPermits::new(
            config.max_streams,
            config.max_streams_per_payout,
            STREAM_METRICS,
        )),
        shutdown,
        content_security_policy: headers::content_security_policy(&config.frame_ancestors),
        config,
    });
    Router::new()
        .route("/track/", get(pages::missing_token))
        .route("/track/{token}", get(pages::page))
        .route("/track/{token}/fragment", get(pages::fragment))
        .route("/track/{token}/events", get(events::events))
        .route("/track/assets/{name}", get(pages::asset))
        .layer(from_fn_with_state(Arc::clone(&site), html_scope))
        .layer(from_fn_with_state(Arc::new(RequestMetrics::new()), request_scope))
        .with_state(site)
}

/// Enforces the deadline, catches panics, and renders every error as a page in the reader's language. Adds the security
/// headers.
async fn html_scope(State(site): State<Arc<Site>>, reader: Reader, request: Request, next: Next) -> Response {
    let handler = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match tokio::time::timeout(site.config.request_timeout, handler).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!("the handler of a tracking page panicked");
            metrics::counter!("payoutd_http_panics_total").increment(1);
            LookupError::Unavailable.into_response()
        }
        Err(_) => {
            let limit = site.config.request_timeout;
            tracing::warn!(?limit, "a request for a tracking page exceeded its time limit");
            LookupError::Unavailable.into_response()
        }
    };
    let mut response = with_error_page(response, &reader);
    let (policy, ancestors) = (&site.content_security_policy, &site.config.frame_ancestors);
    headers::add_security_headers(response.headers_mut(), policy, ancestors);
    response.extensions_mut().insert(HtmlErrors);
    response
}
