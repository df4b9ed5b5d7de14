//! Reports in any order and with repeats: a payout never moves backwards.

use serde_json::{Value, json};

use crate::support::{
    Message, Partner, PublishedEvent, Report, TestApp, Watcher, eventually, parse_time, timeline_sequences,
    timeline_statuses,
};

/// One payout, and the watcher that reports on it.
struct Fixture {
    app: TestApp,
    partner: Partner,
    watcher: Watcher,
    payout: String,
    /// The number of published reports.
    published: f64,
}

impl Fixture {
    async fn new() -> Self {
        let app = TestApp::start().await;
        let (partner, watcher) = (app.live_partner().await, app.watcher().await);
        let payout = partner.create_payout().await;
        Self { app, partner, watcher, payout, published: 0.0 }
    }

    /// Publishes reports in this order and waits until each has an outcome. Returns the payout.
    async fn publish<const N: usize>(&mut self, reports: [Report; N]) -> Value {
        self.publish_messages(reports.map(Message::from)).await
    }

    async fn publish_messages<const N: usize>(&mut self, messages: [Message; N]) -> Value {
        self.watcher.publish(messages).await;
        self.published += N as f64;
        eventually("every report has an outcome", || async {
            (self.outcome_count("").await >= self.published).then_some(())
        })
        .await;
        self.partner.read(&self.payout).await
    }

    async fn outcome_count(&self, label: &str) -> f64 {
        self.app.payoutd.metric("payoutd_reports_total", label).await
    }

    async fn attention_count(&self) -> f64 {
        self.app.payoutd.metric("payoutd_attention_total", "").await
    }

    fn broadcast(&self, tx_hash: &str, estimated_seconds: u32) -> Report {
        Report::broadcast(&self.payout, tx_hash, estimated_seconds)
    }

    fn delivered(&self, tx_hash: &str) -> Report {
        Report::delivered(&self.payout, tx_hash)
    }
}

#[tokio::test]
async fn a_repeated_report_changes_nothing() {
    let mut fixture = Fixture::new().await;
    let broadcast = fixture.broadcast("a1", 5);
    let first = fixture.publish([broadcast.clone()]).await;
    // The same id and source identify the same report, also with other data.
    let reworded = broadcast.clone().with_data("tx_hash", "b2").with_data("estimated_seconds", 500);
    let repeated = fixture.publish([broadcast.clone(), broadcast, reworded]).await;
    assert_eq!(repeated, first);
    assert_eq!(fixture.outcome_count(r#"outcome="unchanged""#).await, 3.0);

    let delivered = fixture.delivered("a1");
    let first = fixture.publish([delivered.clone()]).await;
    assert_eq!(fixture.publish([delivered.clone(), delivered]).await, first);
    assert_eq!(timeline_sequences(&first), [1, 2, 3]);
    assert_eq!(fixture.attention_count().await, 0.0);
}

#[tokio::test]
async fn the_same_id_from_another_source_is_another_report() {
    let mut fixture = Fixture::new().await;
    let one = fixture.broadcast("a1", 50).with("id", "1");
    let other = fixture.broadcast("a1", 5).with("id", "1").with("source", "watcher/other");
    let payout = fixture.publish([one, other.clone()]).await;
    assert_eq!(payout["status"], "broadcast");
    assert_eq!(
        fixture.outcome_count(r#"outcome="applied""#).await
            + fixture.outcome_count(r#"outcome="unchanged""#).await,
        2.0
    );
    let repeated = fixture.publish([other]).await;
    assert_eq!(repeated, payout);
}

#[tokio::test]
async fn a_delivery_without_a_broadcast_infers_the_broadcast() {
    let mut fixture = Fixture::new().await;
    let queue = fixture.watcher.subscribe("payouts", "payout.broadcast.#").await;
    fixture.watcher.bind(&queue, "payouts", "payout.delivered.#").await;
    let delivered = fixture.delivered("a1");
    let payout = fixture.publish([delivered]).await;
    assert_eq!(timeline_statuses(&payout), ["pending", "broadcast", "delivered"]);
    assert_eq!(timeline_sequences(&payout), [1, 2, 3]);
    let inferred: Vec<&Value> =
        payout["timeline"].as_array().unwrap().iter().map(|e| &e["inferred"]).collect();
    assert_eq!(inferred, [&json!(false), &json!(true), &json!(false)]);

    let messages = fixture.watcher.receive(&queue, 2).await;
    let events: Vec<PublishedEvent> = messages.iter().map(PublishedEvent::read).collect();
    let published: Vec<(&str, i64)> = events.iter().map(|d| (d.kind(), d.sequence())).collect();
    assert_eq!(published, [("payout.broadcast", 2), ("payout.delivered", 3)], "both, in order");

    // The broadcast report arrives after the delivery and changes nothing.
    let late = fixture.broadcast("a1", 5).observed_ago(2);
    assert_eq!(fixture.publish([late]).await, payout);
    assert_eq!(fixture.attention_count().await, 0.0);
}

#[tokio::test]
async fn an_older_estimate_never_replaces_a_newer_one() {
    let mut fixture = Fixture::new().await;
    let newer = fixture.broadcast("a1", 30);
    let older = Report::progress(&fixture.payout, 3).observed_ago(20);
    let payout = fixture.publish([newer.clone(), older]).await;
    let expected = newer.time() + time::Duration::seconds(30);
    assert!(
        (parse_time(&payout["estimated_delivery_at"]) - expected).abs() < time::Duration::milliseconds(1)
    );
    assert_eq!(payout["sequence"], 2, "the older report changes nothing");

    let newest = Report::progress(&fixture.payout, 1);
    let payout = fixture.publish([newest.clone()]).await;
    let expected = newest.time() + time::Duration::seconds(1);
    assert!(
        (parse_time(&payout["estimated_delivery_at"]) - expected).abs() < time::Duration::milliseconds(1)
    );
    assert_eq!(payout["sequence"], 3);
}

#[tokio::test]
async fn a_second_delivery_with_another_hash_is_refused_and_needs_attention() {
    let mut fixture = Fixture::new().await;
    let (broadcast, delivered) = (fixture.broadcast("0xA1", 5), fixture.delivered("0xa1"));
    let done = fixture.publish([broadcast, delivered]).await;
    let same_hash = fixture.delivered("0XA1");
    assert_eq!(fixture.publish([same_hash]).await, done, "the hash differs only in case");
    assert_eq!(fixture.attention_count().await, 0.0);

    let another_hash = fixture.delivered("0xb2");
    assert_eq!(fixture.publish([another_hash]).await, done);
    assert_eq!(fixture.outcome_count(r#"outcome="refused""#).await, 1.0);
    assert_eq!(fixture.attention_count().await, 1.0);
}

#[tokio::test]
async fn a_broadcast_with_another_hash_before_delivery_adds_a_leg() {
    let mut fixture = Fixture::new().await;
    let (first, second) =
        (fixture.broadcast("a1", 60), fixture.broadcast("b2", 10).with_data("leg", "destination"));
    let payout = fixture.publish([first, second.clone()]).await;
    assert_eq!(payout["status"], "broadcast");
    let hashes: Vec<&Value> = payout["timeline"].as_array().unwrap().iter().map(|e| &e["tx_hash"]).collect();
    assert_eq!(hashes, [&Value::Null, &json!("a1"), &json!("b2")]);
    let expected = second.time() + time::Duration::seconds(10);
    assert!(
        (parse_time(&payout["estimated_delivery_at"]) - expected).abs() < time::Duration::milliseconds(1)
    );
    assert_eq!(fixture.attention_count().await, 0.0);
}

#[tokio::test]
async fn no_report_changes_a_failed_payout() {
    let mut fixture = Fixture::new().await;
    let failed = fixture.publish([Report::failed(&fixture.payout, "signing_refused")]).await;
    assert_eq!(timeline_statuses(&failed), ["pending", "failed"]);
    let (again, progress) = (Report::failed(&fixture.payout, "other"), Report::progress(&fixture.payout, 5));
    assert_eq!(fixture.publish([again, progress]).await, failed);
    assert_eq!(fixture.attention_count().await, 0.0);
    let (broadcast, delivered) = (fixture.broadcast("a1", 5), fixture.delivered("a1"));
    assert_eq!(fixture.publish([broadcast, delivered]).await, failed, "the reports are refused");
    assert_eq!(fixture.outcome_count(r#"outcome="refused""#).await, 2.0);
    assert!(fixture.attention_count().await >= 1.0);
}

#[tokio::test]
async fn only_a_reversal_changes_a_delivered_payout() {
    let mut fixture = Fixture::new().await;
    let delivered = fixture.delivered("a1");
    let done = fixture.publish([delivered]).await;
    let plain = Report::failed(&fixture.payout, "bridge_cancelled");
    assert_eq!(fixture.publish([plain]).await, done, "a failure without reversal is refused");
    assert_eq!(fixture.outcome_count(r#"outcome="refused""#).await, 1.0);
    assert_eq!(fixture.attention_count().await, 1.0);

    let reversed = fixture.publish([Report::reversal(&fixture.payout)]).await;
    assert_eq!(timeline_statuses(&reversed), ["pending", "broadcast", "delivered", "failed"]);
    assert_eq!(timeline_sequences(&reversed), [1, 2, 3, 4]);
    assert_eq!(reversed["failure"]["code"], "reorg");
    assert_eq!(reversed["funds"], json!({ "location": "unknown", "safe_to_retry": false }));
    assert_eq!(reversed["estimated_delivery_at"], Value::Null);
}

#[tokio::test]
async fn reports_in_binary_mode_are_accepted() {
    for prefix in ["ce-", "cloudEvents_"] {
        let mut fixture = Fixture::new().await;
        let (broadcast, delivered) = (fixture.broadcast("a1", 5), fixture.delivered("a1"));
        let payout = fixture.publish_messages([broadcast.binary(prefix), delivered.binary(prefix)]).await;
        assert_eq!(payout["status"], "delivered", "{prefix}");
    }
}

#[tokio::test]
async fn shuffled_and_repeated_reports_end_in_the_correct_state() {
    let mut fixture = Fixture::new().await;
    let mut reports = vec![
        fixture.broadcast("a1", 60).observed_ago(4),
        Report::progress(&fixture.payout, 40).observed_ago(3),
        Report::progress(&fixture.payout, 20).observed_ago(2),
        fixture.broadcast("b2", 10).observed_ago(1),
        fixture.delivered("b2"),
    ];
    reports.extend(reports.clone());
    reports.extend(reports.clone());
    // The order is not the true one: each step skips six of the 20 reports.
    let shuffled: Vec<Report> =
        (0..reports.len()).map(|i| reports[(i * 7 + 4) % reports.len()].clone()).collect();
    let shuffled: [Report; 20] = shuffled.try_into().expect("twenty reports");
    let payout = fixture.publish(shuffled).await;
    assert_eq!(payout["status"], "delivered");
    let sequences = timeline_sequences(&payout);
    assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]), "{sequences:?}");
    assert_eq!(payout["timeline"][0]["status"], "pending");
    assert_eq!(timeline_statuses(&payout).iter().filter(|status| **status == "delivered").count(), 1);
    assert_eq!(fixture.outcome_count(r#"outcome="refused""#).await, 0.0);
    assert_eq!(fixture.attention_count().await, 0.0);
}
