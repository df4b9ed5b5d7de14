//! Error responses of the tracking page.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::headers;
use super::reader::Reader;
use crate::tracking::{LookupError, PageRenderer};

impl IntoResponse for LookupError {
    /// An empty response. `with_error_page` adds the page, because only the middleware knows the language.
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

/// Adds a page in the reader's language to an error response.
pub(super) fn with_error_page(mut response: Response, reader: &Reader) -> Response {
    if let Some(error) = response.extensions().get::<LookupError>().copied()
        && let Ok(page) = PageRenderer::error(error, reader.language)
    {
        headers::add_page_headers(response.headers_mut(), reader.language);
        response.headers_mut().insert(header::CONTENT_LENGTH, page.len().into());
        *response.body_mut() = if reader.is_head { Body::empty() } else { Body::from(page) };
    }
    response
}
