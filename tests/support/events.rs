//! A reader of server-sent events.

use reqwest::Response;
use serde_json::Value;

use super::{PATIENCE, Partner};

/// An open stream of a payout's events.
pub(crate) struct Events {
    response: Response,
    text: String,
}

impl Events {
    /// Opens the stream of a payout, as one that has seen the events up to `seen`.
    pub(crate) async fn of(partner: &Partner, payout: &str, seen: Option<i64>) -> Self {
        Self::try_of(partner, payout, seen).await.expect("an answer")
    }

    /// [`Events::of`], where the server may be away.
    pub(crate) async fn try_of(partner: &Partner, payout: &str, seen: Option<i64>) -> reqwest::Result<Self> {
        let mut request = partner.get(&format!("/payouts/{payout}/events"));
        if let Some(seen) = seen {
            request = request.header("Last-Event-ID", seen);
        }
        let response = request.send().await?;
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
        Ok(Self { response, text: String::new() })
    }

    /// The next event: its sequence, its type and its payout. `None` at the end of the stream, however it came.
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
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("something");
            self.text.push_str(std::str::from_utf8(&chunk.ok()??).expect("UTF-8, character by character"));
        }
    }

    /// Sequence and type of the next `count` events.
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
