//! Serves the OpenAPI and AsyncAPI documents and a page to read and try the API with. All files of the page are part of
//! the program, so it works without internet access.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;

use crate::http::base_path::BasePath;
use crate::http::middleware::request_metrics::RequestMetrics;
use crate::http::middleware::request_scope::request_scope;
use crate::http::response::problem::{Code, Problem};

pub struct DocsContent {
    /// The prefix of the API's paths.
    pub base_path: BasePath,
    /// The OpenAPI document of the partner API, as JSON.
    pub openapi: Bytes,
    /// The AsyncAPI document of the messages, as JSON.
    pub asyncapi: Bytes,
}

/// Allows files of this site only. The style sheet contains images as `data:` URLs.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The files change with the program only.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The router of the documentation, to be merged with the partner API's router.
pub fn docs_router(content: DocsContent) -> Router {
    let DocsContent { base_path, openapi, asyncapi } = content;
    let page = base_path.join("/docs/");
    let document = |document: Bytes| get(move || async move { file("application/json", document) });
    Router::new()
        .route(&base_path.join("/openapi.json"), document(openapi))
        .route(&base_path.join("/asyncapi.json"), document(asyncapi))
        .route(&base_path.join("/docs"), get(move || async move { Redirect::permanent(&page) }))
        .route(&base_path.join("/docs/"), get(|| async { page_file("index.html") }))
        .route(&base_path.join("/docs/{file}"), get(asset))
        .layer(from_fn(add_security_headers))
        .layer(from_fn_with_state(Arc::new(RequestMetrics::new()), request_scope))
}

async fn asset(name: Result<Path<String>, PathRejection>) -> Response {
    page_file(&name.map(|Path(name)| name).unwrap_or_default())
}

/// A file of the page, either our own or of Swagger UI, whose files are in `docs/swagger-ui`.
fn page_file(name: &str) -> Response {
    const HTML: &str = "text/html; charset=utf-8";
    const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
    const CSS: &str = "text/css; charset=utf-8";
    let (media_type, bytes): (_, &'static [u8]) = match name {
        "index.html" => (HTML, include_bytes!("docs/index.html")),
        "start.js" => (JAVASCRIPT, include_bytes!("docs/start.js")),
        "page.css" => (CSS, include_bytes!("docs/page.css")),
        "swagger-ui.css" => (CSS, include_bytes!("docs/swagger-ui/swagger-ui.css")),
        "swagger-ui-bundle.js" => (JAVASCRIPT, include_bytes!("docs/swagger-ui/swagger-ui-bundle.js")),
        "favicon-32x32.png" => ("image/png", include_bytes!("docs/swagger-ui/favicon-32x32.png")),
        _ => return Problem::new(Code::NotFound, "There is nothing at this path.").into_response(),
    };
    file(media_type, Bytes::from_static(bytes))
}

fn file(media_type: &'static str, bytes: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, CACHE_CONTROL),
    ];
    (StatusCode::OK, headers, bytes).into_response()
}

async fn add_security_headers(request: Request, next: Next) -> Response {
    const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_the_page_refers_to_is_served() {
        let page = include_str!("docs/index.html");
        let references = page.split(['"', '\'']).skip(1).step_by(2);
        let files: Vec<&str> =
            references.filter(|text| text.contains('.') && !text.starts_with("..")).collect();
        assert_eq!(files.len(), 5, "{files:?}");
        for file in files {
            assert_eq!(page_file(file).status(), StatusCode::OK, "{file}");
        }
    }
}
