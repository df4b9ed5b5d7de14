//! The last step of every response: errors become problem documents, and common headers are added.

use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;

use super::request_context::RequestContext;
use super::request_id::X_REQUEST_ID;
use crate::http::response::problem::{Code, Problem};

/// Marks a response whose errors are HTML pages, not problem documents.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct HtmlErrors;

/// Marks a response whose body is final: an error status already comes with its problem document.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct PreRendered;

/// Turns an error response into a problem document of this request, and adds the headers of every response.
pub(super) fn finalize(response: Response, context: &RequestContext) -> Response {
    let mut response = into_problem_document(response, context);
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(context.request_id()) {
        headers.insert(X_REQUEST_ID, id);
    }
    if let Some(status) = context.rate_limit() {
        status.add_headers(headers);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn into_problem_document(response: Response, context: &RequestContext) -> Response {
    let status = response.status();
    let marks = response.extensions();
    let is_final = marks.get::<HtmlErrors>().is_some() || marks.get::<PreRendered>().is_some();
    if is_final || (!status.is_client_error() && !status.is_server_error()) {
        return response;
    }
    let problem = match response.extensions().get::<Problem>() {
        Some(problem) => problem.clone(),
        None => Problem::new(Code::for_status(status), "The request was refused."),
    };
    let mut document = problem.response(Some(context.path()), Some(context.request_id()));
    if context.method() == Method::HEAD {
        let length = document.body().size_hint().exact().unwrap_or(0);
        document.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        *document.body_mut() = Body::empty();
    }
    if let Some(allow) = response.headers().get(header::ALLOW) {
        document.headers_mut().insert(header::ALLOW, allow.clone());
    }
    document
}
