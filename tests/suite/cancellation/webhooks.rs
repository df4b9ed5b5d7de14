//! `POST /webhooks`, `POST /webhooks/{id}/rotate` and `DELETE /webhooks/{id}`.

use axum::Router;
use payoutd_domain::Mode;
use serde_json::{Value, json};

use super::await_points::cancel_everywhere;
use super::in_process_app::InProcessApp;
use super::requests::{Reply, delete, get, post, send, send_until_final, unique_name};

pub(super) async fn are_cancellable(app: &InProcessApp) {
    creations(app).await;
    rotations(app).await;
    deletions(app).await;
}

fn creation(name: &str) -> axum::http::Request<axum::body::Body> {
    let body = json!({ "url": "https://hooks.example/payouts", "description": name });
    post("/webhooks", Mode::Live, Some(name), &body)
}

async fn listed(app: &InProcessApp) -> Vec<Value> {
    let reply = send(app.router(), get("/webhooks", Mode::Live)).await;
    reply.json()["data"].as_array().unwrap().clone()
}

fn path_of(endpoint: &Value) -> String {
    format!("/webhooks/{}", endpoint["id"].as_str().unwrap())
}

/// Creates the only endpoint. Returns it with a router and an idempotency key.
async fn create_endpoint(app: &InProcessApp) -> (Router, Value, String) {
    let reply = send(app.router(), creation(&unique_name())).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    (app.router(), reply.json(), unique_name())
}

async fn creations(app: &InProcessApp) {
    cancel_everywhere(
        app,
        "POST /webhooks",
        4,
        async || (app.router(), unique_name()),
        async |(router, name)| send(router.clone(), creation(name)).await,
        async |(router, name), output: Option<Reply>| {
            let first = send_until_final(&router, || creation(&name)).await;
            let later = send(app.router(), creation(&name)).await;
            for reply in output.iter().chain([&first]) {
                assert_eq!((reply.status, &reply.bytes), (201, &later.bytes), "{reply:?}");
            }
            let endpoints = listed(app).await;
            assert_eq!(endpoints.len(), 1, "one endpoint is created");
            assert_eq!(endpoints[0]["id"], first.json()["id"]);
            let path = path_of(&first.json());
            assert_eq!(send(router, delete(&path)).await.status, 204);
        },
    )
    .await;
}

async fn rotations(app: &InProcessApp) {
    let rotation = |endpoint: &Value, name: &str| {
        post(&format!("{}/rotate", path_of(endpoint)), Mode::Live, Some(name), &json!({}))
    };
    cancel_everywhere(
        app,
        "POST /webhooks/{id}/rotate",
        4,
        async || create_endpoint(app).await,
        async |(router, endpoint, name)| send(router.clone(), rotation(endpoint, name)).await,
        async |(router, endpoint, name), output: Option<Reply>| {
            let first = send_until_final(&router, || rotation(&endpoint, &name)).await;
            let later = send(app.router(), rotation(&endpoint, &name)).await;
            for reply in output.iter().chain([&first]) {
                assert_eq!((reply.status, &reply.bytes), (200, &later.bytes), "{reply:?}");
            }
            assert_ne!(first.json()["secret"], endpoint["secret"]);
            // One rotation: the previous secret is the first one, and still signs.
            let id = endpoint["id"].as_str().unwrap().parse().unwrap();
            let stored = app.store().endpoint(id).await.unwrap().unwrap();
            let secrets: Vec<_> = stored.secrets_at(app.payouts.now()).iter().map(|s| s.expose()).collect();
            assert_eq!(secrets.len(), 2);
            assert!(secrets.iter().any(|secret| first.json()["secret"] == secret.as_str()));
            assert!(secrets.iter().any(|secret| endpoint["secret"] == secret.as_str()));
            assert_eq!(send(router, delete(&path_of(&endpoint))).await.status, 204);
        },
    )
    .await;
}

async fn deletions(app: &InProcessApp) {
    cancel_everywhere(
        app,
        "DELETE /webhooks/{id}",
        2,
        async || create_endpoint(app).await,
        async |(router, endpoint, _)| send(router.clone(), delete(&path_of(endpoint))).await,
        async |(router, endpoint, _), output: Option<Reply>| {
            let again = send(router, delete(&path_of(&endpoint))).await.status;
            match output {
                Some(output) => assert_eq!((output.status, again), (204, 404)),
                None => assert!(matches!(again, 204 | 404), "{again}"),
            }
            assert_eq!(listed(app).await.len(), 0);
        },
    )
    .await;
}
