//! An HTTP receiver with configurable responses, which records its requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

#[derive(Debug, Clone)]
pub(crate) struct ReceivedRequest {
    pub(crate) at: Instant,
    pub(crate) id: String,
    pub(crate) timestamp: i64,
    pub(crate) signature: String,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl ReceivedRequest {
    pub(crate) fn sequence(&self) -> i64 {
        self.body["data"]["sequence"].as_i64().unwrap()
    }

    pub(crate) fn payout(&self) -> &str {
        self.body["data"]["id"].as_str().unwrap()
    }
}

#[derive(Default)]
struct ReceiverState {
    received: Vec<ReceivedRequest>,
    next_statuses: VecDeque<u16>,
    default_status: Option<u16>,
}

/// Listens on its own port until it is dropped.
pub(crate) struct Receiver {
    state: Arc<Mutex<ReceiverState>>,
    pub(crate) url: String,
    server: tokio::task::JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(ReceiverState::default()));
        let router = Router::new().fallback(receive).with_state(Arc::clone(&state));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { state, url, server }
    }

    /// Sets the statuses of the next responses. Later responses have the default status.
    pub(crate) fn respond_once_with(&self, statuses: &[u16]) {
        self.state.lock().unwrap().next_statuses.extend(statuses);
    }

    /// Sets the default status, which is 204 at first.
    pub(crate) fn respond_with(&self, status: u16) {
        self.state.lock().unwrap().default_status = Some(status);
    }

    pub(crate) fn received(&self) -> Vec<ReceivedRequest> {
        self.state.lock().unwrap().received.clone()
    }

    pub(crate) fn sequences(&self) -> Vec<i64> {
        self.received().iter().map(ReceivedRequest::sequence).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(
    State(state): State<Arc<Mutex<ReceiverState>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let received = ReceivedRequest {
        at: Instant::now(),
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp").parse().unwrap(),
        signature: header("webhook-signature"),
        body: serde_json::from_str(&text).unwrap(),
        text,
    };
    let mut state = state.lock().unwrap();
    state.received.push(received);
    let default_status = state.default_status.unwrap_or(204);
    StatusCode::from_u16(state.next_statuses.pop_front().unwrap_or(default_status)).unwrap()
}
