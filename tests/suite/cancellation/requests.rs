//! Requests of a partner, which go directly to the router.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http_body_util::BodyExt;
use payoutd_domain::{Mode, PayoutId};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::in_process_app::{InProcessApp, key_of};
use crate::store::samples::unique;
use crate::support::TIMEOUT;

#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    pub(super) fn is(&self, status: u16, code: &str) -> bool {
        self.status == status && self.json()["code"] == code
    }

    /// The payout id in the field `field`.
    pub(super) fn id(&self, field: &str) -> PayoutId {
        self.json()[field].as_str().unwrap_or_else(|| panic!("{field}: {self:?}")).parse().unwrap()
    }
}

/// Sends a request and reads the whole response.
pub(super) async fn send(router: Router, request: Request<Body>) -> Reply {
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Reply { status: parts.status.as_u16(), headers: parts.headers, bytes }
}

pub(super) fn get(path: &str, mode: Mode) -> Request<Body> {
    let request = Request::get(path).header("authorization", format!("Bearer {}", key_of(mode)));
    request.body(Body::empty()).unwrap()
}

pub(super) fn delete(path: &str) -> Request<Body> {
    let request = Request::delete(path).header("authorization", key_of(Mode::Live));
    request.body(Body::empty()).unwrap()
}

/// A POST request whose body arrives in pieces.
pub(super) fn post(path: &str, mode: Mode, idempotency_key: Option<&str>, body: &Value) -> Request<Body> {
    let body = body.to_string().into_bytes();
    let pieces: Vec<_> = body.chunks(body.len().div_ceil(3)).map(Bytes::copy_from_slice).collect();
    let pieces = stream::iter(pieces).then(|piece| async move {
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(piece)
    });
    let mut request = Request::post(path)
        .header("authorization", format!("Bearer {}", key_of(mode)))
        .header("content-type", "application/json");
    if let Some(key) = idempotency_key {
        request = request.header("idempotency-key", key);
    }
    request.body(Body::from_stream(pieces)).unwrap()
}

/// Repeats a request until its response is not "in progress".
pub(super) async fn send_until_final(router: &Router, request: impl Fn() -> Request<Body>) -> Reply {
    let started = Instant::now();
    loop {
        let reply = send(router.clone(), request()).await;
        if !reply.is(409, "idempotency_in_progress") {
            return reply;
        }
        assert!(started.elapsed() < TIMEOUT, "a cancelled call did not release its key");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A name that is used once.
pub(super) fn unique_name() -> String {
    format!("name-{}", unique())
}

/// The body of a quote request.
pub(super) fn quote_request(external_ref: &str) -> Value {
    json!({
        "external_ref": external_ref,
        "destination": "0x52908400098527886E0F7030069857D2E4169EE7",
        "asset": "USDT",
        "amount": "25.00",
    })
}

/// Creates a quote and returns its id.
pub(super) async fn create_quote(app: &InProcessApp, mode: Mode, external_ref: &str) -> String {
    let request = post("/payouts/quote", mode, Some(&unique_name()), &quote_request(external_ref));
    let reply = send(app.router(), request).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["quote_id"].as_str().unwrap().to_owned()
}

/// Creates a payout and returns its id.
pub(super) async fn create_payout(app: &InProcessApp, mode: Mode) -> PayoutId {
    let quote_id = create_quote(app, mode, &unique_name()).await;
    let reply = send(app.router(), post("/payouts", mode, None, &json!({ "quote_id": quote_id }))).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.id("id")
}
