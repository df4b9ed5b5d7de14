//! `/track/{token}`: the public tracking page, and what keeps it up to date.
//!
//! Paths are relative in the page itself, so it works wherever `PUBLIC_URL` puts it.

mod events;
mod headers;
mod reader;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::FutureExt;
use payoutd_actors::handle::PayoutsHandle;
use payoutd_domain::{PayoutId, Snapshot};

use self::reader::Reader;
use super::envelope;
use super::meters::Meters;
use crate::config::FrameAncestors;
use crate::quotes::routes::Routes;
use crate::runtime::keyed_permits::{KeyedPermits, PermitMetrics};
use crate::runtime::shutdown::Shutdown;
use crate::tracking::{LookupError, PageRenderer, TokenIndex, TokenLookup, assets};

/// How the tracking page behaves.
#[derive(Debug, Clone)]
pub struct TrackingConfig {
    /// Which sites may embed it.
    pub frame_ancestors: FrameAncestors,
    /// The most pages kept up to date by a stream at once; further ones ask every few seconds.
    pub max_streams: usize,
    /// The most of those for one payout.
    pub max_streams_per_payout: usize,
    /// How many wrong tokens one address may send.
    pub misses_per_minute: u32,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How often a silent stream says that it is still there.
    pub heartbeat: Duration,
    /// After how long a stream ends and is to be opened again.
    pub stream_age: Duration,
}

impl Default for TrackingConfig {
    fn default() -> Self {
        Self {
            frame_ancestors: FrameAncestors::default(),
            max_streams: 1_000,
            max_streams_per_payout: 50,
            misses_per_minute: 60,
            request_timeout: Duration::from_secs(15),
            heartbeat: Duration::from_secs(15),
            stream_age: Duration::from_secs(1_800),
        }
    }
}

impl TrackingConfig {
    /// The same, leaving at least half of a listener's connections to requests that end.
    #[must_use]
    pub fn within(self, max_connections: usize) -> Self {
        Self { max_streams: self.max_streams.min(max_connections / 2), ..self }
    }
}

/// What the tracking page works with.
pub struct TrackingParts {
    /// The payouts.
    pub payouts: PayoutsHandle,
    /// Knows which payout a token belongs to.
    pub index: Arc<dyn TokenIndex>,
    /// Names networks and their explorers.
    pub routes: Arc<Routes>,
    /// Ends open streams.
    pub stop: Shutdown,
    /// How to behave.
    pub config: TrackingConfig,
}

const STREAM_METRICS: PermitMetrics =
    PermitMetrics { in_use: "payoutd_tracking_streams", rejected: "payoutd_tracking_streams_refused_total" };

/// What handlers share.
struct Site {
    payouts: PayoutsHandle,
    token_lookup: TokenLookup,
    pages: PageRenderer,
    streams: Arc<KeyedPermits<PayoutId>>,
    stop: Shutdown,
    config: TrackingConfig,
    content_security_policy: HeaderValue,
}

/// The tracking page's routes, to be merged with the partner API's on one listener. Never under the base path.
pub fn tracking_router(parts: TrackingParts) -> Router {
    let TrackingParts { payouts, index, routes, stop, config } = parts;
    let site = Arc::new(Site {
        payouts,
        token_lookup: TokenLookup::new(index, config.misses_per_minute),
        pages: PageRenderer::new(routes),
        streams: Arc::new(KeyedPermits::new(
            config.max_streams,
            config.max_streams_per_payout,
            STREAM_METRICS,
        )),
        stop,
        content_security_policy: headers::content_security_policy(&config.frame_ancestors),
        config,
    });
    Router::new()
        .route("/track/", get(nothing))
        .route("/track/{token}", get(page))
        .route("/track/{token}/fragment", get(fragment))
        .route("/track/{token}/events", get(events::events))
        .route("/track/assets/{name}", get(asset))
        .layer(from_fn_with_state(Arc::clone(&site), for_people))
        .layer(from_fn_with_state(Arc::new(Meters::new()), envelope::envelope))
        .with_state(site)
}

type PathText = Result<Path<String>, PathRejection>;

/// The whole page.
async fn page(
    State(site): State<Arc<Site>>,
    reader: Reader,
    token: PathText,
) -> Result<Response, LookupError> {
    let Ok(Path(token)) = token else { return Err(LookupError::NotFound) };
    let snapshot = site.payment(&token, &reader).await?;
    let page = site.pages.payment(&snapshot, site.payouts.now(), reader.language, &token);
    html(page, &reader)
}

/// The part of the page that changes, for pages without a stream; nothing where it has not changed.
async fn fragment(
    State(site): State<Arc<Site>>,
    reader: Reader,
    token: PathText,
) -> Result<Response, LookupError> {
    let Ok(Path(token)) = token else { return Err(LookupError::NotFound) };
    let snapshot = site.payment(&token, &reader).await?;
    if reader.knows(snapshot.sequence) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    html(site.pages.fragment(&snapshot, site.payouts.now(), reader.language), &reader)
}

/// A link that lost its token.
async fn nothing() -> LookupError {
    LookupError::NotFound
}

async fn asset(Path(name): Path<String>) -> Result<Response, LookupError> {
    let asset = assets::named(&name).ok_or(LookupError::NotFound)?;
    let mut response = Response::new(Body::from(asset.content));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Ok(response)
}

impl Site {
    async fn payment(&self, token: &str, reader: &Reader) -> Result<Arc<Snapshot>, LookupError> {
        let id = self.token_lookup.find(token, reader.peer).await?;
        self.read(id).await
    }

    async fn read(&self, id: PayoutId) -> Result<Arc<Snapshot>, LookupError> {
        match self.payouts.read(id).await {
            Ok(found) => found.ok_or(LookupError::NotFound),
            Err(error) => {
                tracing::warn!(%error, "a tracked payout could not be read");
                Err(LookupError::Unavailable)
            }
        }
    }
}

fn html(rendered: askama::Result<String>, reader: &Reader) -> Result<Response, LookupError> {
    let body = rendered.map_err(|error| {
        tracing::error!(%error, "a tracking page could not be rendered");
        LookupError::Unavailable
    })?;
    let mut response = Response::new(Body::from(body));
    headers::of_page(response.headers_mut(), reader.language);
    Ok(response)
}

impl IntoResponse for LookupError {
    /// The bare answer; the page is added where the reader's language is known.
    fn into_response(self) -> Response {
        let (status, retry_after) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, None),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, Some("30")),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, Some("5")),
        };
        let mut response = status.into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Sees to it that every answer is a page, in the reader's language, with the headers that keep it to itself: errors,
/// panics and what takes too long as well.
async fn for_people(State(site): State<Arc<Site>>, reader: Reader, request: Request, next: Next) -> Response {
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match tokio::time::timeout(site.config.request_timeout, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!("a tracking page's handler panicked");
            metrics::counter!("payoutd_http_panics_total").increment(1);
            LookupError::Unavailable.into_response()
        }
        Err(_) => {
            tracing::warn!(limit = ?site.config.request_timeout, "a tracking page was not answered in time");
            LookupError::Unavailable.into_response()
        }
    };
    let mut response = with_notice(response, &reader);
    headers::of_every_answer(&mut response, &site);
    response.extensions_mut().insert(envelope::ForPeople);
    response
}

fn with_notice(mut response: Response, reader: &Reader) -> Response {
    if let Some(lost) = response.extensions().get::<LookupError>().copied()
        && let Ok(page) = PageRenderer::error(lost, reader.language)
    {
        headers::of_page(response.headers_mut(), reader.language);
        response.headers_mut().insert(header::CONTENT_LENGTH, page.len().into());
        *response.body_mut() = if reader.wants_head_alone { Body::empty() } else { Body::from(page) };
    }
    response
}
