//! The page, its changing part, and its assets.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::headers;
use super::reader::Reader;
use super::site::Site;
use crate::tracking::{LookupError, assets};

pub(super) async fn page(
    State(site): State<Arc<Site>>,
    reader: Reader,
    token: Result<Path<String>, PathRejection>,
) -> Result<Response, LookupError> {
    let Ok(Path(token)) = token else { return Err(LookupError::NotFound) };
    let snapshot = site.find(&token, &reader).await?;
    let page = site.pages.payment(&snapshot, site.payouts.now(), reader.language, &token);
    html(page, &reader)
}

/// The changing part of the page, for pages without an event stream. Empty if the reader has seen the newest change.
pub(super) async fn fragment(
    State(site): State<Arc<Site>>,
    reader: Reader,
    token: Result<Path<String>, PathRejection>,
) -> Result<Response, LookupError> {
    let Ok(Path(token)) = token else { return Err(LookupError::NotFound) };
    let snapshot = site.find(&token, &reader).await?;
    if reader.has_seen(snapshot.sequence) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    html(site.pages.fragment(&snapshot, site.payouts.now(), reader.language), &reader)
}

/// The path without a token.
pub(super) async fn missing_token() -> LookupError {
    LookupError::NotFound
}

pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, LookupError> {
    let asset = assets::named(&name).ok_or(LookupError::NotFound)?;
    let mut response = Response::new(Body::from(asset.content));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Ok(response)
}

fn html(rendered: askama::Result<String>, reader: &Reader) -> Result<Response, LookupError> {
    let body = rendered.map_err(|error| {
        tracing::error!(%error, "a tracking page could not be rendered");
        LookupError::Unavailable
    })?;
    let mut response = Response::new(Body::from(body));
    headers::add_page_headers(response.headers_mut(), reader.language);
    Ok(response)
}
