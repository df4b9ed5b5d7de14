//! A client of a payout's event stream (server-sent events).

use reqwest::Response;
use serde_json::Value;

use super::{Partner, TIMEOUT};

pub(crate) struct EventStream {
    response: Response,
    /// The text that is received but not parsed.
    text: String,
}

impl EventStream {
    /// Opens the stream of a payout. `last_event_id` resumes the stream after that event. Panics if the server cannot
    /// be reached.
    pub(crate) async fn open(partner: &Partner, payout: &str, last_event_id: Option<i64>) -> Self {
        Self::try_open(partner, payout, last_event_id).await.expect("the server responds")
    }

    /// Opens the stream of a payout. `last_event_id` resumes the stream after that event.
    pub(crate) async fn try_open(
        partner: &Partner,
        payout: &str,
        last_event_id: Option<i64>,
    ) -> reqwest::Result<Self> {
        let mut request = partner.get(&format!("/payouts/{payout}/events"));
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        let response = request.send().await?;
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
        Ok(Self { response, text: String::new() })
    }

    /// The sequence, the type and the payout of the next event. `None` if the stream ends or the connection breaks.
    pub(crate) async fn next(&mut self) -> Option<(i64, String, Value)> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field =
                    |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                if let (Some(id), Some(kind), Some(data)) = (field("id"), field("event"), field("data")) {
                    let data = serde_json::from_str(data).expect("JSON");
                    return Some((id.parse().expect("a number"), kind.to_owned(), data));
                }
            }
            let chunk = self.response.chunk();
            let chunk = tokio::time::timeout(TIMEOUT, chunk).await.expect("the stream sends data or ends");
            self.text.push_str(std::str::from_utf8(&chunk.ok()??).expect("UTF-8, character by character"));
        }
    }

    /// The sequences and the types of the next `count` events.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<(i64, String)> {
        let mut taken = Vec::new();
        for _ in 0..count {
            let (sequence, kind, payout) = self.next().await.expect("another event");
            assert_eq!(payout["sequence"], sequence);
            taken.push((sequence, kind));
        }
        taken
    }
}
