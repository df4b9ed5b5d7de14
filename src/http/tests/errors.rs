use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request};
use futures_util::stream;

use super::test_app::{LIVE, TestApp, TestResponse, get, post_json};
use crate::http::ApiConfig;

#[tokio::test]
async fn unknown_paths_and_methods_are_answered_with_a_problem() {
    let app = TestApp::new().await;
    for path in ["/", "/payout", "/payouts/", "/payouts/a/b", "//payouts", "/PAYOUTS"] {
        let response = app.send(get(path, LIVE)).await;
        response.assert_problem(404, "not_found");
        assert_eq!(response.body["instance"], path);
    }
    for (method, path, allow) in [
        (Method::PUT, "/payouts", "POST,GET,HEAD"),
        (Method::GET, "/payouts/quote", "POST"),
        (Method::POST, "/payouts/pay_x/events", "GET,HEAD"),
        (Method::DELETE, "/payouts/pay_x", "GET,HEAD"),
        (Method::OPTIONS, "/payouts", "POST,GET,HEAD"),
        (Method::from_bytes(b"BREW").unwrap(), "/payouts", "POST,GET,HEAD"),
    ] {
        let response =
            app.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await;
        response.assert_problem(405, "method_not_allowed");
        assert_eq!(response.header("allow"), allow);
    }
}

#[tokio::test]
async fn the_instance_is_the_path_and_a_valid_request_id_is_kept() {
    let app = TestApp::new().await;
    let mut request = get("/nowhere?secret=1", LIVE);
    request.headers_mut().insert("x-request-id", "mine-1".parse().unwrap());
    let response = app.send(request).await;
    assert_eq!(response.body["instance"], "/nowhere");
    assert_eq!(response.header("x-request-id"), "mine-1");
    let mut request = get("/nowhere", LIVE);
    request.headers_mut().insert("x-request-id", "not mine".parse().unwrap());
    assert_ne!(app.send(request).await.header("x-request-id"), "not mine");
}

async fn with_type(app: &TestApp, media_type: Option<&str>, encoding: Option<&str>) -> TestResponse {
    let mut request = Request::post("/payouts").header("authorization", LIVE);
    if let Some(media_type) = media_type {
        request = request.header("content-type", media_type);
    }
    if let Some(encoding) = encoding {
        request = request.header("content-encoding", encoding);
    }
    app.send(request.body(Body::from("{}")).unwrap()).await
}

#[tokio::test]
async fn only_uncompressed_json_in_utf8_is_accepted() {
    let app = TestApp::new().await;
    for media_type in [None, Some("text/plain"), Some("application/json; charset=latin1")] {
        with_type(&app, media_type, None).await.assert_problem(415, "unsupported_media_type");
    }
    with_type(&app, Some("application/json"), Some("gzip"))
        .await
        .assert_problem(415, "unsupported_media_type");
    with_type(&app, Some("application/json; charset=UTF-8"), None)
        .await
        .assert_problem(422, "validation_error");
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_malformed() {
    let app = TestApp::new().await;
    for body in ["", "{", "[]", "null", "{\"quote_id\":\"q\"}}", "\u{feff}{}"] {
        app.send(post_json("/payouts", LIVE, body)).await.assert_problem(400, "malformed_request");
    }
    for (body, field) in [
        (r"{}", "quote_id"),
        (r#"{"quote_id":1}"#, "quote_id"),
        (r#"{"quote_id":"a","quote_id":"a"}"#, "quote_id"),
        (r#"{"quote_id":"a","amount":"1"}"#, "amount"),
    ] {
        let response = app.send(post_json("/payouts", LIVE, body)).await;
        response.assert_problem(422, "validation_error");
        assert_eq!(response.body["field"], field);
    }
}

#[tokio::test]
async fn the_size_of_a_body_is_limited_with_and_without_a_content_length() {
    let app = TestApp::new().await;
    let padded = |bytes: usize| format!("{{}}{}", " ".repeat(bytes - 2));
    let fits = app.send(post_json("/payouts", LIVE, &padded(16 * 1024))).await;
    fits.assert_problem(422, "validation_error");
    let too_large = app.send(post_json("/payouts", LIVE, &padded(16 * 1024 + 1))).await;
    too_large.assert_problem(413, "payload_too_large");

    let pieces = (0..17).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1024])));
    let mut chunked = post_json("/payouts", LIVE, "");
    *chunked.body_mut() = Body::from_stream(stream::iter(pieces));
    app.send(chunked).await.assert_problem(413, "payload_too_large");
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_malformed() {
    let app = TestApp::new().await;
    let pieces = [Ok(Bytes::from("{")), Err(std::io::Error::other("reset"))];
    let mut request = post_json("/payouts", LIVE, "");
    *request.body_mut() = Body::from_stream(stream::iter(pieces));
    app.send(request).await.assert_problem(400, "malformed_request");
}

#[tokio::test(start_paused = true)]
async fn a_body_and_a_request_have_a_time_limit() {
    let app = TestApp::new().await;
    let mut request = post_json("/payouts", LIVE, "");
    *request.body_mut() = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let started_at = tokio::time::Instant::now();
    let response = app.send(request).await;
    response.assert_problem(408, "request_timeout");
    assert_eq!(response.header("connection"), "close");
    assert_eq!(started_at.elapsed().as_secs(), 10);

    let slow = r#"{"external_ref":"slow","destination":"d","asset":"usdt","amount":"1"}"#;
    let config = ApiConfig { request_timeout: Duration::from_secs(3), ..ApiConfig::default() };
    let app = TestApp::with_config(config).await;
    let started_at = tokio::time::Instant::now();
    app.send(post_json("/payouts/quote", LIVE, slow)).await.assert_problem(503, "unavailable");
    assert_eq!(started_at.elapsed().as_secs(), 3);
}
