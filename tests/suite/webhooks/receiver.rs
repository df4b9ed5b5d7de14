//! A receiver that does what it is told, and remembers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) at: Instant,
    pub(crate) id: String,
    pub(crate) timestamp: i64,
    pub(crate) signature: String,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Received {
    pub(crate) fn sequence(&self) -> i64 {
        self.body["data"]["sequence"].as_i64().unwrap()
    }

    pub(crate) fn payout(&self) -> &str {
        self.body["data"]["id"].as_str().unwrap()
    }
}

#[derive(Default)]
struct Memory {
    received: Vec<Received>,
    answers: VecDeque<u16>,
    usual: Option<u16>,
}

/// Receives on a port of its own until it is dropped.
pub(crate) struct Receiver {
    memory: Arc<Mutex<Memory>>,
    pub(crate) url: String,
    server: tokio::task::JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let memory = Arc::new(Mutex::new(Memory::default()));
        let router = Router::new().fallback(receive).with_state(Arc::clone(&memory));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { memory, url, server }
    }

    /// What to answer next, one after the other; then 204 again.
    pub(crate) fn answer(&self, statuses: &[u16]) {
        self.memory.lock().unwrap().answers.extend(statuses);
    }

    /// What to answer from now on.
    pub(crate) fn always(&self, status: u16) {
        self.memory.lock().unwrap().usual = Some(status);
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.memory.lock().unwrap().received.clone()
    }

    pub(crate) fn sequences(&self) -> Vec<i64> {
        self.received().iter().map(Received::sequence).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(State(memory): State<Arc<Mutex<Memory>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let received = Received {
        at: Instant::now(),
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp").parse().unwrap(),
        signature: header("webhook-signature"),
        body: serde_json::from_str(&text).unwrap(),
        text,
    };
    let mut memory = memory.lock().unwrap();
    memory.received.push(received);
    let usual = memory.usual.unwrap_or(204);
    StatusCode::from_u16(memory.answers.pop_front().unwrap_or(usual)).unwrap()
}
