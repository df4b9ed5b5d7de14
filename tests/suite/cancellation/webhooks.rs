//! `POST /webhooks`, `POST /webhooks/{id}/rotate` and `DELETE /webhooks/{id}`.

use axum::Router;
use payoutd_domain::Mode;
use serde_json::{Value, json};

use super::cut::everywhere;
use super::house::House;
use super::requests::{Reply, delete, get, name, post, send, send_again};

pub(super) async fn are_cut_off_everywhere(house: &House) {
    when_they_are_made(house).await;
    when_their_secret_is_rotated(house).await;
    when_they_are_deleted(house).await;
}

fn creation(name: &str) -> axum::http::Request<axum::body::Body> {
    let body = json!({ "url": "https://hooks.example/payouts", "description": name });
    post("/webhooks", Mode::Live, Some(name), &body)
}

async fn listed(house: &House) -> Vec<Value> {
    let reply = send(house.router(), get("/webhooks", Mode::Live)).await;
    reply.json()["data"].as_array().unwrap().clone()
}

fn path_of(endpoint: &Value) -> String {
    format!("/webhooks/{}", endpoint["id"].as_str().unwrap())
}

/// A new endpoint, the only one there is.
async fn made(house: &House) -> (Router, Value, String) {
    let reply = send(house.router(), creation(&name())).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    (house.router(), reply.json(), name())
}

async fn when_they_are_made(house: &House) {
    everywhere(
        house,
        "POST /webhooks",
        4,
        async || (house.router(), name()),
        async |(router, name)| send(router.clone(), creation(name)).await,
        async |(router, name), seen: Option<Reply>| {
            let first = send_again(&router, || creation(&name)).await;
            let later = send(house.router(), creation(&name)).await;
            for reply in seen.iter().chain([&first]) {
                assert_eq!((reply.status, &reply.bytes), (201, &later.bytes), "{reply:?}");
            }
            let endpoints = listed(house).await;
            assert_eq!(endpoints.len(), 1, "made once");
            assert_eq!(endpoints[0]["id"], first.json()["id"]);
            let path = path_of(&first.json());
            assert_eq!(send(router, delete(&path)).await.status, 204);
        },
    )
    .await;
}

async fn when_their_secret_is_rotated(house: &House) {
    let rotation = |endpoint: &Value, name: &str| {
        post(&format!("{}/rotate", path_of(endpoint)), Mode::Live, Some(name), &json!({}))
    };
    everywhere(
        house,
        "POST /webhooks/{id}/rotate",
        4,
        async || made(house).await,
        async |(router, endpoint, name)| send(router.clone(), rotation(endpoint, name)).await,
        async |(router, endpoint, name), seen: Option<Reply>| {
            let first = send_again(&router, || rotation(&endpoint, &name)).await;
            let later = send(house.router(), rotation(&endpoint, &name)).await;
            for reply in seen.iter().chain([&first]) {
                assert_eq!((reply.status, &reply.bytes), (200, &later.bytes), "{reply:?}");
            }
            assert_ne!(first.json()["secret"], endpoint["secret"]);
            // Rotated once: the secret before it is the first one, which still signs.
            let id = endpoint["id"].as_str().unwrap().parse().unwrap();
            let kept = house.store().endpoint(id).await.unwrap().unwrap();
            let secrets: Vec<_> = kept.secrets_at(house.payouts.now()).iter().map(|s| s.expose()).collect();
            assert_eq!(secrets.len(), 2);
            assert!(secrets.iter().any(|secret| first.json()["secret"] == secret.as_str()));
            assert!(secrets.iter().any(|secret| endpoint["secret"] == secret.as_str()));
            assert_eq!(send(router, delete(&path_of(&endpoint))).await.status, 204);
        },
    )
    .await;
}

async fn when_they_are_deleted(house: &House) {
    everywhere(
        house,
        "DELETE /webhooks/{id}",
        2,
        async || made(house).await,
        async |(router, endpoint, _)| send(router.clone(), delete(&path_of(endpoint))).await,
        async |(router, endpoint, _), seen: Option<Reply>| {
            let again = send(router, delete(&path_of(&endpoint))).await.status;
            match seen {
                Some(seen) => assert_eq!((seen.status, again), (204, 404)),
                None => assert!(matches!(again, 204 | 404), "{again}"),
            }
            assert_eq!(listed(house).await.len(), 0);
        },
    )
    .await;
}
