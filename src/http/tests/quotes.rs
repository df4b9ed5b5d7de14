use axum::body::Body;
use axum::http::{Request, StatusCode};

use super::test_app::{LIVE, TEST, TestApp, TestResponse, post_json};

fn request(external_ref: &str) -> String {
    format!(r#"{{"external_ref":"{external_ref}","destination":"d","asset":"usdt","amount":"1"}}"#)
}

async fn quote(app: &TestApp, body: &str) -> TestResponse {
    app.send(post_json("/payouts/quote", LIVE, body)).await
}

#[tokio::test]
async fn the_response_is_the_body_from_the_quote_service() {
    let app = TestApp::new().await;
    let response = quote(&app, &request("one")).await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.header("cache-control"), "no-store");
    assert_eq!(response.body["quote_id"], "quo_one");
    assert!(response.body["for"].as_str().unwrap().ends_with(" live"));
    let sandbox = app.send(post_json("/payouts/quote", TEST, &request("one"))).await;
    assert!(sandbox.body["for"].as_str().unwrap().ends_with(" test"));
}

#[tokio::test]
async fn every_refusal_has_a_code_and_a_field() {
    let app = TestApp::new().await;
    for (external_ref, code, field) in [
        ("validation", "validation_error", "external_ref"),
        ("destination", "invalid_destination", "destination"),
        ("asset", "unsupported_asset", "asset"),
        ("route", "unsupported_route", "network_hint"),
        ("amount", "amount_out_of_range", "amount"),
    ] {
        let response = quote(&app, &request(external_ref)).await;
        response.assert_problem(422, code);
        assert_eq!(response.body["field"], field);
        assert_eq!(response.body["instance"], "/payouts/quote");
    }
    quote(&app, &request("unavailable")).await.assert_problem(503, "unavailable");
    quote(&app, &request("panic")).await.assert_problem(503, "unavailable");
}

#[tokio::test]
async fn unknown_missing_and_duplicate_fields_are_refused() {
    let app = TestApp::new().await;
    let good = request("one");
    for (body, field) in [
        (good.replace("\"amount\":\"1\"", "\"amount\":1"), "amount"),
        (good.replace(",\"amount\":\"1\"", ""), "amount"),
        (good.replace('}', ",\"fee\":\"0\"}"), "fee"),
        (good.replace('}', ",\"asset\":\"usdt\"}"), "asset"),
        (good.replace('}', ",\"network_hint\":7}"), "network_hint"),
    ] {
        let response = quote(&app, &body).await;
        response.assert_problem(422, "validation_error");
        assert_eq!(response.body["field"], field, "{body}");
    }
    assert_eq!(quote(&app, &good.replace('}', ",\"network_hint\":null}")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_idempotency_key_is_required_and_validated() {
    let app = TestApp::new().await;
    let with = |keys: &[&str]| {
        let mut request = Request::post("/payouts/quote")
            .header("authorization", LIVE)
            .header("content-type", "application/json");
        for key in keys {
            request = request.header("idempotency-key", *key);
        }
        app.send(request.body(Body::from("{}")).unwrap())
    };
    let long = "k".repeat(256);
    with(&[]).await.assert_problem(400, "idempotency_key_required");
    for keys in [&[""][..], &["a b"], &[&long], &["a", "b"]] {
        with(keys).await.assert_problem(400, "malformed_request");
    }
}
