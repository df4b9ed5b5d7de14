//! How the page stays up to date.

use std::time::Duration;

use payoutd::http::TrackingConfig;
use payoutd_domain::{FailedFunds, NewPayout};
use reqwest::{Client, Response};

use super::harness::{ETHEREUM_TX, TRON_TX, TrackingHarness, arrived, failed, sent};

const PATIENCE: Duration = Duration::from_secs(10);

/// An open stream, read event by event.
struct Events {
    response: Response,
    read: String,
}

impl Events {
    async fn open(site: &TrackingHarness, payout: &NewPayout, after: &str, resumed: Option<&str>) -> Self {
        let mut request = Client::new().get(format!("{}/events?lang=en{after}", site.url(payout)));
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

    /// The next block, be it event or comment; `None` at the end of the stream.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.read.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.read = rest;
                return Some(block);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk.expect("the stream says something").unwrap()?;
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event's id and HTML.
    async fn change(&mut self) -> (i64, String) {
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
async fn each_change_is_sent_as_it_happens_until_the_end() {
    let site = TrackingHarness::start().await;
    let payout = site.create(1).await;
    let mut events = Events::open(&site, &payout, "&after=1", None).await;
    site.report(&payout, sent("ethereum", ETHEREUM_TX)).await;
    let (id, html) = events.change().await;
    assert_eq!(id, 2);
    assert!(
        html.starts_with("<article") && html.contains("On its way") && html.contains("data-sequence=\"2\"")
    );
    site.pass(601, &payout).await;
    let (id, html) = events.change().await;
    assert_eq!(id, 3);
    assert!(html.contains("Taking longer than expected."));
    site.report(&payout, arrived("tron", TRON_TX, None)).await;
    let (id, html) = events.change().await;
    assert_eq!(id, 4);
    assert!(html.contains("data-ended"));
    assert_eq!(events.next().await, None, "the stream ends with the payout");
    assert_eq!(site.journal.counts().loads, 0, "and cost no query");
}

#[tokio::test]
async fn a_reader_that_comes_back_gets_what_it_missed() {
    let site = TrackingHarness::start().await;
    let payout = site.create(1).await;
    site.report(&payout, sent("ethereum", ETHEREUM_TX)).await;
    for (after, resumed) in [("", None), ("&after=1", None), ("&after=2", Some("1")), ("&after=99", None)] {
        let mut events = Events::open(&site, &payout, after, resumed).await;
        assert_eq!(events.change().await.0, 2, "{after} {resumed:?}");
    }
    site.report(&payout, failed("no", FailedFunds::NotSent, false)).await;
    let mut events = Events::open(&site, &payout, "&after=1", Some("2")).await;
    assert_eq!(events.change().await.0, 3);
    let again = format!("{}/events?after=3", site.url(&payout));
    assert_eq!(Client::new().get(again).send().await.unwrap().status(), 204, "nothing more will come");
}

#[tokio::test]
async fn a_delivery_reported_alone_is_one_message_with_both_changes() {
    let site = TrackingHarness::start().await;
    let payout = site.create(1).await;
    let mut events = Events::open(&site, &payout, "&after=1", None).await;
    site.report(&payout, arrived("tron", TRON_TX, None)).await;
    let (id, html) = events.change().await;
    assert_eq!(id, 3);
    assert!(html.contains("it follows from the delivery"));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn silence_is_broken_by_heartbeats_and_ended_by_a_stop() {
    let config = TrackingConfig { heartbeat: Duration::from_millis(20), ..TrackingConfig::default() };
    let site = TrackingHarness::configured(config).await;
    let payout = site.create(1).await;
    let mut events = Events::open(&site, &payout, "&after=1", None).await;
    assert_eq!(events.next().await.as_deref(), Some(":"));
    assert_eq!(events.next().await.as_deref(), Some(":"));
    site.stopper.request();
    while let Some(block) = events.next().await {
        assert_eq!(block, ":");
    }
}

#[tokio::test]
async fn an_old_stream_ends_and_can_be_opened_again() {
    let config = TrackingConfig { stream_age: Duration::from_millis(30), ..TrackingConfig::default() };
    let site = TrackingHarness::configured(config).await;
    let payout = site.create(1).await;
    let mut events = Events::open(&site, &payout, "&after=1", None).await;
    assert_eq!(events.next().await, None);
    Events::open(&site, &payout, "&after=1", None).await;
}

#[tokio::test]
async fn streams_are_limited_and_polls_take_their_place() {
    let config = TrackingConfig { max_streams_per_payout: 1, ..TrackingConfig::default() };
    let site = TrackingHarness::configured(config).await;
    let payout = site.create(1).await;
    let other = site.create(2).await;
    let events = Events::open(&site, &payout, "&after=1", None).await;
    let second = format!("{}/events?after=1", site.url(&payout));
    let refused = Client::new().get(&second).send().await.unwrap();
    assert_eq!(refused.status(), 429);
    Events::open(&site, &other, "&after=1", None).await;
    let poll = |after: i64| Client::new().get(format!("{}/fragment?after={after}", site.url(&payout))).send();
    assert_eq!(poll(1).await.unwrap().status(), 204);
    site.report(&payout, sent("ethereum", ETHEREUM_TX)).await;
    let polled = poll(1).await.unwrap();
    assert_eq!(polled.status(), 200);
    assert!(polled.text().await.unwrap().starts_with("<article"));
    drop(events);
    let freed = async {
        while Client::new().get(&second).send().await.unwrap().status() != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.expect("a closed stream gives its place back");
}
