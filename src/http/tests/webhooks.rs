//! `/webhooks`.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::world::{Answer, LIVE, OTHER, TEST, World, get, post};

async fn make(world: &World, key: &str, url: &str) -> Answer {
    world.send(post("/webhooks", key, &json!({ "url": url }).to_string())).await
}

fn bare(method: &str, path: &str, key: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    request.header("authorization", format!("Bearer {key}")).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn an_endpoint_is_made_shown_and_forgotten() {
    let world = World::new().await;
    let made = make(&world, LIVE, "https://Example.com/hook").await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.body["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("we_"));
    assert_eq!(made.header("location"), format!("/webhooks/{id}"));
    assert_eq!(made.body["url"], "https://example.com/hook");
    assert_eq!(made.body["types"], json!(["payout.broadcast", "payout.delivered", "payout.failed"]));
    assert_eq!(made.body["status"], "enabled");
    assert!(made.body["secret"].as_str().unwrap().starts_with("whsec_"));

    let path = format!("/webhooks/{id}");
    let shown = world.send(get(&path, LIVE)).await;
    let mut expected = made.body.clone();
    expected.as_object_mut().unwrap().remove("secret");
    assert_eq!(shown.body, expected, "the secret is shown once");
    let listed = world.send(get("/webhooks", LIVE)).await;
    assert_eq!(listed.body, json!({ "data": [expected] }));

    assert_eq!(world.send(bare("DELETE", &path, LIVE)).await.status, 204);
    world.send(get(&path, LIVE)).await.assert_problem(404, "not_found");
    world.send(bare("DELETE", &path, LIVE)).await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn for_others_an_endpoint_does_not_exist() {
    let world = World::new().await;
    let made = make(&world, LIVE, "https://example.com/").await;
    let path = format!("/webhooks/{}", made.body["id"].as_str().unwrap());
    for key in [OTHER, TEST] {
        let listed = world.send(get("/webhooks", key)).await;
        assert_eq!(listed.body, json!({ "data": [] }));
        world.send(get(&path, key)).await.assert_problem(404, "not_found");
        world.send(get(&format!("{path}/deliveries"), key)).await.assert_problem(404, "not_found");
        world.send(bare("DELETE", &path, key)).await.assert_problem(404, "not_found");
        for action in ["rotate", "test", "enable"] {
            world.send(bare("POST", &format!("{path}/{action}"), key)).await.assert_problem(404, "not_found");
        }
        let since = r#"{"since":"2026-01-01T00:00:00Z"}"#;
        world.send(post(&format!("{path}/replay"), key, since)).await.assert_problem(404, "not_found");
    }
    for id in ["we_1", "we_", "x", "we_00000000000000000000000000000000"] {
        world.send(get(&format!("/webhooks/{id}"), LIVE)).await.assert_problem(404, "not_found");
    }
    world.send(get("/webhooks", "sk_live_nobody")).await.assert_problem(401, "invalid_api_key");
}

#[tokio::test]
async fn what_an_endpoint_cannot_be() {
    let world = World::new().await;
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
        let answer = world.send(post("/webhooks", LIVE, &body.to_string())).await;
        answer.assert_problem(422, "validation_error");
        assert_eq!(answer.body["field"], field, "{body}");
    }
    for _ in 0..10 {
        assert_eq!(make(&world, LIVE, "https://example.com/").await.status, 201);
    }
    make(&world, LIVE, "https://example.com/").await.assert_problem(422, "validation_error");
    assert_eq!(make(&world, TEST, "https://example.com/").await.status, 201, "each mode has its own");
}

#[tokio::test]
async fn a_rotation_shows_the_new_secret_once() {
    let world = World::new().await;
    let made = make(&world, LIVE, "https://example.com/").await;
    let path = format!("/webhooks/{}", made.body["id"].as_str().unwrap());
    let rotated = world.send(bare("POST", &format!("{path}/rotate"), LIVE)).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    assert_ne!(rotated.body["secret"], made.body["secret"]);
    assert!(rotated.body["previous_secret_expires_at"].is_string());
    assert_eq!(world.send(get(&path, LIVE)).await.body.get("secret"), None);
    let with_body = post(&format!("{path}/rotate"), LIVE, "{}");
    assert_eq!(world.send(with_body).await.status, 200, "an empty object says nothing as well");
    let answer = world.send(post(&format!("{path}/rotate"), LIVE, r#"{"overlap":1}"#)).await;
    answer.assert_problem(422, "validation_error");
}

#[tokio::test]
async fn a_replay_makes_deliveries_that_pages_show() {
    let world = World::new().await;
    let made = make(&world, LIVE, "https://example.com/").await;
    let path = format!("/webhooks/{}", made.body["id"].as_str().unwrap());
    let payout = world.created(1).await;
    let replay = format!("{path}/replay");
    let answer = world.send(post(&replay, LIVE, &json!({ "payout_id": payout }).to_string())).await;
    assert_eq!((answer.status.as_u16(), &answer.body), (202, &json!({ "count": 0 })), "nothing happened yet");
    let answer =
        world.send(post(&replay, LIVE, &json!({ "payout_id": payout, "sequence": 1 }).to_string())).await;
    answer.assert_problem(422, "validation_error");
    let missing = format!("pay_{}", "0".repeat(32));
    let answer = world.send(post(&replay, LIVE, &json!({ "payout_id": missing }).to_string())).await;
    answer.assert_problem(404, "payout_not_found");
    let page = world.send(get(&format!("{path}/deliveries"), LIVE)).await;
    assert_eq!(page.body, json!({ "data": [], "next_cursor": null }));
    for wrong in ["limit=0", "limit=201", "cursor=x", "page=1", "limit=1&limit=1"] {
        let page = world.send(get(&format!("{path}/deliveries?{wrong}"), LIVE)).await;
        page.assert_problem(422, "validation_error");
    }
}

#[tokio::test]
async fn a_test_event_reports_what_came_of_it() {
    let world = World::new().await;
    let made = make(&world, LIVE, "https://webhooks.example/").await;
    let path = format!("/webhooks/{}/test", made.body["id"].as_str().unwrap());
    let report = world.send(bare("POST", &path, LIVE)).await;
    assert_eq!(report.status, 200, "{report:?}");
    assert_eq!(report.body["type"], "payout.test");
    assert_eq!(report.body["succeeded"], false);
    assert_eq!(report.body["attempt"]["status"], Value::Null);
    assert_eq!(report.body["attempt"]["error"], "name_not_found");
}
