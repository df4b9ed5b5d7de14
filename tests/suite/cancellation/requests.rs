//! Requests of a partner, straight into the router.

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

use super::house::{House, key_of};
use crate::store::made::unique;
use crate::support::PATIENCE;

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

    /// The payout's id, under that name.
    pub(super) fn id(&self, name: &str) -> PayoutId {
        self.json()[name].as_str().unwrap_or_else(|| panic!("{name}: {self:?}")).parse().unwrap()
    }
}

/// The whole of a request: until the answer's last byte is there.
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

/// A POST whose body comes in pieces, as from a slow client.
pub(super) fn post(path: &str, mode: Mode, name: Option<&str>, body: &Value) -> Request<Body> {
    let body = body.to_string().into_bytes();
    let pieces: Vec<_> = body.chunks(body.len().div_ceil(3)).map(Bytes::copy_from_slice).collect();
    let pieces = stream::iter(pieces).then(|piece| async move {
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(piece)
    });
    let mut request = Request::post(path)
        .header("authorization", format!("Bearer {}", key_of(mode)))
        .header("content-type", "application/json");
    if let Some(name) = name {
        request = request.header("idempotency-key", name);
    }
    request.body(Body::from_stream(pieces)).unwrap()
}

/// Sends until the answer is not that the first call is still being worked on.
pub(super) async fn send_again(router: &Router, request: impl Fn() -> Request<Body>) -> Reply {
    let began = Instant::now();
    loop {
        let reply = send(router.clone(), request()).await;
        if !reply.is(409, "idempotency_in_progress") {
            return reply;
        }
        assert!(began.elapsed() < PATIENCE, "a call that was cut off keeps its key for ever");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A name that no other request has.
pub(super) fn name() -> String {
    format!("name-{}", unique())
}

/// What a partner asks a quote for.
pub(super) fn quote_request(external_ref: &str) -> Value {
    json!({
        "external_ref": external_ref,
        "destination": "0x52908400098527886E0F7030069857D2E4169EE7",
        "asset": "USDT",
        "amount": "25.00",
    })
}

/// A partner's quote, by its id.
pub(super) async fn quoted(house: &House, mode: Mode, external_ref: &str) -> String {
    let request = post("/payouts/quote", mode, Some(&name()), &quote_request(external_ref));
    let reply = send(house.router(), request).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["quote_id"].as_str().unwrap().to_owned()
}

/// A payout of the partner's.
pub(super) async fn created(house: &House, mode: Mode) -> PayoutId {
    let quote_id = quoted(house, mode, &name()).await;
    let reply = send(house.router(), post("/payouts", mode, None, &json!({ "quote_id": quote_id }))).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.id("id")
}
