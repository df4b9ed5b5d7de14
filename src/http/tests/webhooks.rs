//! The routes below `/webhooks`.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::test_app::{LIVE, OTHER, TEST, TestApp, TestResponse, get, post_json};

async fn make(app: &TestApp, key: &str, url: &str) -> TestResponse {
    app.send(post_json("/webhooks", key, &json!({ "url": url }).to_string())).await
}

fn bare(method: &str, path: &str, key: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    request.header("authorization", format!("Bearer {key}")).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn an_endpoint_can_be_created_read_and_deleted() {
    let app = TestApp::new().await;
    let made = make(&app, LIVE, "https://Example.com/hook").await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.body["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("we_"));
    assert_eq!(made.header("location"), format!("/webhooks/{id}"));
    assert_eq!(made.body["url"], "https://example.com/hook");
    assert_eq!(made.body["types"], json!(["payout.broadcast", "payout.delivered", "payout.failed"]));
    assert_eq!(made.body["status"], "enabled");
    assert!(made.body["secret"].as_str().unwrap().starts_with("whsec_"));

    let path = format!("/webhooks/{id}");
    let shown = app.send(get(&path, LIVE)).await;
    let mut expected = made.body.clone();
    expected.as_object_mut().unwrap().remove("secret");
    assert_eq!(shown.body, expected, "the secret is shown once");
    let listed = app.send(get("/webhooks", LIVE)).await;
    assert_eq!(listed.body, json!({ "data": [expected] }));

    assert_eq!(app.send(bare("DELETE", &path, LIVE)).await.status, 204);
    app.send(get(&path, LIVE)).await.assert_problem(404, "not_found");
    app.send(bare("DELETE", &path, LIVE)).await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn an_endpoint_of_another_account_is_not_found() {
    let app = TestApp::new().await;
    let made = make(&app, LIVE, "https://example.com/").await;
    let path = format!("/webhooks/{}", made.body["id"].as_str().unwrap());
    for key in [OTHER, TEST] {
        let listed = app.send(get("/webhooks", key)).await;
        assert_eq!(listed.body, json!({ "data": [] }));
        app.send(get(&path, key)).await.assert_problem(404, "not_found");
        app.send(get(&format!("{path}/deliveries"), key)).await.assert_problem(404, "not_found");
        app.send(bare("DELETE", &path, key)).await.assert_problem(404, "not_found");
        for action in ["rotate", "test", "enable"] {
            app.send(bare("POST", &format!("{path}/{action}"), key)).await.assert_problem(404, "not_found");
        }
        let since = r#"{"since":"2026-01-01T00:00:00Z"}"#;
        app.send(post_json(&format!("{path}/replay"), key, since)).await.assert_problem(404, "not_found");
    }
    for id in ["we_1", "we_", "x", "we_00000000000000000000000000000000"] {
        app.send(get(&format!("/webhooks/{id}"), LIVE)).await.assert_problem(404, "not_found");
    }
    app.send(get("/webhooks", "sk_live_nobody")).await.assert_problem(401, "invalid_api_key");
}

#[tokio::test]
async fn an_invalid_endpoint_is_refused() {
    let app = TestApp::new().await;
    for (body, field) in [
        (json!({}), "url"),
        (json!({ "url": "http://example.com/" }), "url"),
        (json!({ "url": "https://169.254.169.254/" }), "url"),
        (json!({ "url": "https://example.com/", "types": [] }), "types"),
        (json!({ "url": "https://example.com/", "types": ["payout.created"] }), "types"),
        (json!({ "url": "https://example.com/", "types": "payout.late" }), "types"),
        (json!({ "url": "https://example.com/", "description": "a".repeat(256) }), "description"),
        (json!({ "url": "https://example.com/", "secret": "whsec_mine" }), "secret"),
    ] {
        let response = app.send(post_json("/webhooks", LIVE, &body.to_string())).await;
        response.assert_problem(422, "validation_error");
        assert_eq!(response.body["field"], field, "{body}");
    }
    for _ in 0..10 {
        assert_eq!(make(&app, LIVE, "https://example.com/").await.status, 201);
    }
    make(&app, LIVE, "https://example.com/").await.assert_problem(422, "validation_error");
    assert_eq!(make(&app, TEST, "https://example.com/").await.status, 201, "the limit applies per account");
}

#[tokio::test]
async fn a_rotation_shows_the_new_secret_once() {
    let app = TestApp::new().await;
    let made = make(&app, LIVE, "https://example.com/").await;
    let path = format!("/webhooks/{}", made.body["id"].as_str().unwrap());
    let rotated = app.send(bare("POST", &format!("{path}/rotate"), LIVE)).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    assert_ne!(rotated.body["secret"], made.body["secret"]);
    assert!(rotated.body["previous_secret_expires_at"].is_string());
    assert_eq!(app.send(get(&path, LIVE)).await.body.get("secret"), None);
    let with_body = post_json(&format!("{path}/rotate"), LIVE, "{}");
    assert_eq!(app.send(with_body).await.status, 200, "an empty object is accepted as no fields");
    let response = app.send(post_json(&format!("{path}/rotate"), LIVE, r#"{"overlap":1}"#)).await;
    response.assert_problem(422, "validation_error");
}

#[tokio::test]
async fn a_replay_and_the_list_of_deliveries_validate_their_input() {
    let app = TestApp::new().await;
    let made = make(&app, LIVE, "https://example.com/").await;
    let path = format!("/webhooks/{}", made.body["id"].as_str().unwrap());
    let payout = app.created_payout(1).await;
    let replay = format!("{path}/replay");
    let response = app.send(post_json(&replay, LIVE, &json!({ "payout_id": payout }).to_string())).await;
    assert_eq!(
        (response.status.as_u16(), &response.body),
        (202, &json!({ "count": 0 })),
        "the payout has no change to replay"
    );
    let response =
        app.send(post_json(&replay, LIVE, &json!({ "payout_id": payout, "sequence": 1 }).to_string())).await;
    response.assert_problem(422, "validation_error");
    let missing = format!("pay_{}", "0".repeat(32));
    let response = app.send(post_json(&replay, LIVE, &json!({ "payout_id": missing }).to_string())).await;
    response.assert_problem(404, "payout_not_found");
    let page = app.send(get(&format!("{path}/deliveries"), LIVE)).await;
    assert_eq!(page.body, json!({ "data": [], "next_cursor": null }));
    for wrong in ["limit=0", "limit=201", "cursor=x", "page=1", "limit=1&limit=1"] {
        let page = app.send(get(&format!("{path}/deliveries?{wrong}"), LIVE)).await;
        page.assert_problem(422, "validation_error");
    }
}

#[tokio::test]
async fn a_test_event_returns_the_result_of_the_attempt() {
    let app = TestApp::new().await;
    let made = make(&app, LIVE, "https://webhooks.example/").await;
    let path = format!("/webhooks/{}/test", made.body["id"].as_str().unwrap());
    let report = app.send(bare("POST", &path, LIVE)).await;
    assert_eq!(report.status, 200, "{report:?}");
    assert_eq!(report.body["type"], "payout.test");
    assert_eq!(report.body["succeeded"], false);
    assert_eq!(report.body["attempt"]["status"], Value::Null);
    assert_eq!(report.body["attempt"]["error"], "name_not_found");
}
