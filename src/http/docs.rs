//! The documentation that the program serves: both contracts, and a page to read and try the API with. Everything on
//! the page comes from here, so it works without the internet.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;

use super::meters::Meters;
use super::{BasePath, Code, Problem, envelope};

/// What there is to be served.
pub struct DocsParts {
    /// The path under which the API lives.
    pub base_path: BasePath,
    /// The partner API's description.
    pub openapi: Bytes,
    /// The broker's description.
    pub asyncapi: Bytes,
}

/// Nothing but our own files. Images may be written into the style sheet, which is one of them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Files that change with the program only.
const FOR_A_WHILE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The documentation's routes, to be merged with the partner API's on one listener.
pub fn docs_router(parts: DocsParts) -> Router {
    let DocsParts { base_path, openapi, asyncapi } = parts;
    let page = base_path.join("/docs/");
    let document = |document: Bytes| get(move || async move { file("application/json", document) });
    Router::new()
        .route(&base_path.join("/openapi.json"), document(openapi))
        .route(&base_path.join("/asyncapi.json"), document(asyncapi))
        .route(&base_path.join("/docs"), get(move || async move { Redirect::permanent(&page) }))
        .route(&base_path.join("/docs/"), get(|| async { named("index.html") }))
        .route(&base_path.join("/docs/{file}"), get(asset))
        .layer(from_fn(guarded))
        .layer(from_fn_with_state(Arc::new(Meters::new()), envelope::envelope))
}

async fn asset(name: Result<Path<String>, PathRejection>) -> Response {
    named(&name.map(|Path(name)| name).unwrap_or_default())
}

/// A file of the page: one of this project's, or one of Swagger UI's, which are in `docs/swagger-ui`.
fn named(name: &str) -> Response {
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
    let headers =
        [(header::CONTENT_TYPE, HeaderValue::from_static(media_type)), (header::CACHE_CONTROL, FOR_A_WHILE)];
    (StatusCode::OK, headers, bytes).into_response()
}

async fn guarded(request: Request, next: Next) -> Response {
    const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
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
            assert_eq!(named(file).status(), StatusCode::OK, "{file}");
        }
    }
}
