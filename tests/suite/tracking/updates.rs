//! Updates of the page: event streams and polls.

use std::time::Duration;

use payoutd::http::TrackingConfig;
use payoutd_domain::{FailedFunds, NewPayout};
use reqwest::{Client, Response};

use super::harness::{ETHEREUM_TX, TRON_TX, TrackingHarness, broadcast, delivered, failed};

const TIMEOUT: Duration = Duration::from_secs(10);

/// A client of the event stream.
struct EventStream {
    response: Response,
    read: String,
}

impl EventStream {
    async fn open(harness: &TrackingHarness, payout: &NewPayout, after: &str, resumed: Option<&str>) -> Self {
        let mut request = Client::new().get(format!("{}/events?lang=en{after}", harness.url(payout)));
        if let Some(id) = resumed {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
        let mut events = Self { response, read: String::new() };
        assert!(events.next().await.unwrap().starts_with("retry: "));
        events
    }

    /// The next event or comment; `None` at the end of the stream.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.read.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.read = rest;
                return Some(block);
            }
            let chunk = tokio::time::timeout(TIMEOUT, self.response.chunk()).await;
            let chunk = chunk.expect("data within the timeout").unwrap()?;
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The id and the HTML of the next event.
    async fn next_change(&mut self) -> (i64, String) {
        let block = self.next().await.expect("an event");
        let mut id = None;
        let mut html = String::new();
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("id", number)) => id = number.parse().ok(),
                Some(("data", text)) => html = html + text + "\n",
                Some(("event", name)) => assert_eq!(name, "change"),
                other => panic!("{other:?} in {block}"),
            }
        }
        (id.unwrap(), html)
    }
}

#[tokio::test]
async fn the_stream_sends_each_change_until_the_payout_ends() {
    let harness = TrackingHarness::start().await;
    let payout = harness.create(1).await;
    let mut events = EventStream::open(&harness, &payout, "&after=1", None).await;
    harness.report(&payout, broadcast("ethereum", ETHEREUM_TX)).await;
    let (id, html) = events.next_change().await;
    assert_eq!(id, 2);
    assert!(
        html.starts_with("<article") && html.contains("On its way") && html.contains("data-sequence=\"2\"")
    );
    harness.advance(601, &payout).await;
    let (id, html) = events.next_change().await;
    assert_eq!(id, 3);
    assert!(html.contains("Taking longer than expected."));
    harness.report(&payout, delivered("tron", TRON_TX, None)).await;
    let (id, html) = events.next_change().await;
    assert_eq!(id, 4);
    assert!(html.contains("data-ended"));
    assert_eq!(events.next().await, None, "the stream ends with the payout");
    assert_eq!(harness.journal.counts().loads, 0, "without a query");
}

#[tokio::test]
async fn a_resumed_stream_sends_the_missed_change() {
    let harness = TrackingHarness::start().await;
    let payout = harness.create(1).await;
    harness.report(&payout, broadcast("ethereum", ETHEREUM_TX)).await;
    for (after, resumed) in [("", None), ("&after=1", None), ("&after=2", Some("1")), ("&after=99", None)] {
        let mut events = EventStream::open(&harness, &payout, after, resumed).await;
        assert_eq!(events.next_change().await.0, 2, "{after} {resumed:?}");
    }
    harness.report(&payout, failed("no", FailedFunds::NotSent, false)).await;
    let mut events = EventStream::open(&harness, &payout, "&after=1", Some("2")).await;
    assert_eq!(events.next_change().await.0, 3);
    let again = format!("{}/events?after=3", harness.url(&payout));
    assert_eq!(
        Client::new().get(again).send().await.unwrap().status(),
        204,
        "there will be no further change"
    );
}

#[tokio::test]
async fn a_delivery_without_broadcast_is_one_event_with_both_changes() {
    let harness = TrackingHarness::start().await;
    let payout = harness.create(1).await;
    let mut events = EventStream::open(&harness, &payout, "&after=1", None).await;
    harness.report(&payout, delivered("tron", TRON_TX, None)).await;
    let (id, html) = events.next_change().await;
    assert_eq!(id, 3);
    assert!(html.contains("it follows from the delivery"));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn an_idle_stream_sends_heartbeats_and_ends_at_shutdown() {
    let config = TrackingConfig { heartbeat: Duration::from_millis(20), ..TrackingConfig::default() };
    let harness = TrackingHarness::configured(config).await;
    let payout = harness.create(1).await;
    let mut events = EventStream::open(&harness, &payout, "&after=1", None).await;
    assert_eq!(events.next().await.as_deref(), Some(":"));
    assert_eq!(events.next().await.as_deref(), Some(":"));
    harness.stopper.request();
    while let Some(block) = events.next().await {
        assert_eq!(block, ":");
    }
}

#[tokio::test]
async fn a_stream_ends_at_its_maximum_age_and_can_be_resumed() {
    let config = TrackingConfig { stream_age: Duration::from_millis(30), ..TrackingConfig::default() };
    let harness = TrackingHarness::configured(config).await;
    let payout = harness.create(1).await;
    let mut events = EventStream::open(&harness, &payout, "&after=1", None).await;
    assert_eq!(events.next().await, None);
    EventStream::open(&harness, &payout, "&after=1", None).await;
}

#[tokio::test]
async fn streams_are_limited_and_polls_still_work() {
    let config = TrackingConfig { max_streams_per_payout: 1, ..TrackingConfig::default() };
    let harness = TrackingHarness::configured(config).await;
    let payout = harness.create(1).await;
    let other = harness.create(2).await;
    let events = EventStream::open(&harness, &payout, "&after=1", None).await;
    let second = format!("{}/events?after=1", harness.url(&payout));
    let refused = Client::new().get(&second).send().await.unwrap();
    assert_eq!(refused.status(), 429);
    EventStream::open(&harness, &other, "&after=1", None).await;
    let poll =
        |after: i64| Client::new().get(format!("{}/fragment?after={after}", harness.url(&payout))).send();
    assert_eq!(poll(1).await.unwrap().status(), 204);
    harness.report(&payout, broadcast("ethereum", ETHEREUM_TX)).await;
    let polled = poll(1).await.unwrap();
    assert_eq!(polled.status(), 200);
    assert!(polled.text().await.unwrap().starts_with("<article"));
    drop(events);
    let freed = async {
        while Client::new().get(&second).send().await.unwrap().status() != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, freed).await.expect("a closed stream releases its permit");
}
