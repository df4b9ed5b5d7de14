//! Whatever order reports come in, and however often: a payout never moves backwards.

use serde_json::{Value, json};

use crate::e2e_happy_path::{sequences, statuses};
use crate::support::{Delivery, Message, Partner, Report, Watcher, World, eventually, parse_time};

/// One payout and those who speak of it.
struct Stage {
    world: World,
    partner: Partner,
    watcher: Watcher,
    payout: String,
    told: f64,
}

impl Stage {
    async fn set() -> Self {
        let world = World::start().await;
        let (partner, watcher) = (world.live().await, world.watcher().await);
        let payout = partner.payout().await;
        Self { world, partner, watcher, payout, told: 0.0 }
    }

    /// Publishes reports in this order. Returns the payout once every one of them has its recorded outcome.
    async fn tell<const N: usize>(&mut self, reports: [Report; N]) -> Value {
        self.send(reports.map(Message::from)).await
    }

    async fn send<const N: usize>(&mut self, messages: [Message; N]) -> Value {
        self.watcher.publish(messages).await;
        self.told += N as f64;
        eventually("every report has its outcome", || async {
            (self.outcomes("").await >= self.told).then_some(())
        })
        .await;
        self.partner.read(&self.payout).await
    }

    async fn outcomes(&self, label: &str) -> f64 {
        self.world.payoutd.metric("payoutd_reports_total", label).await
    }

    async fn attention(&self) -> f64 {
        self.world.payoutd.metric("payoutd_attention_total", "").await
    }

    fn broadcast(&self, tx_hash: &str, estimated_seconds: u32) -> Report {
        Report::broadcast(&self.payout, tx_hash, estimated_seconds)
    }

    fn delivered(&self, tx_hash: &str) -> Report {
        Report::delivered(&self.payout, tx_hash)
    }
}

#[tokio::test]
async fn a_repeat_changes_nothing() {
    let mut stage = Stage::set().await;
    let broadcast = stage.broadcast("a1", 5);
    let first = stage.tell([broadcast.clone()]).await;
    // The same id and source with other words is the same report, too.
    let reworded = broadcast.clone().with_data("tx_hash", "b2").with_data("estimated_seconds", 500);
    let repeated = stage.tell([broadcast.clone(), broadcast, reworded]).await;
    assert_eq!(repeated, first);
    assert_eq!(stage.outcomes(r#"outcome="unchanged""#).await, 3.0);

    let delivered = stage.delivered("a1");
    let first = stage.tell([delivered.clone()]).await;
    assert_eq!(stage.tell([delivered.clone(), delivered]).await, first);
    assert_eq!(sequences(&first), [1, 2, 3]);
    assert_eq!(stage.attention().await, 0.0);
}

#[tokio::test]
async fn the_same_id_from_another_source_is_another_report() {
    let mut stage = Stage::set().await;
    let one = stage.broadcast("a1", 50).with("id", "1");
    let other = stage.broadcast("a1", 5).with("id", "1").with("source", "watcher/other");
    let payout = stage.tell([one, other.clone()]).await;
    assert_eq!(payout["status"], "broadcast");
    assert_eq!(
        stage.outcomes(r#"outcome="applied""#).await + stage.outcomes(r#"outcome="unchanged""#).await,
        2.0
    );
    let repeated = stage.tell([other]).await;
    assert_eq!(repeated, payout);
}

#[tokio::test]
async fn delivered_first_makes_up_for_the_broadcast_nobody_reported() {
    let mut stage = Stage::set().await;
    let queue = stage.watcher.subscribe("payouts", "payout.broadcast.#").await;
    stage.watcher.bind(&queue, "payouts", "payout.delivered.#").await;
    let delivered = stage.delivered("a1");
    let payout = stage.tell([delivered]).await;
    assert_eq!(statuses(&payout), ["pending", "broadcast", "delivered"]);
    assert_eq!(sequences(&payout), [1, 2, 3]);
    let inferred: Vec<&Value> =
        payout["timeline"].as_array().unwrap().iter().map(|e| &e["inferred"]).collect();
    assert_eq!(inferred, [&json!(false), &json!(true), &json!(false)]);

    let messages = stage.watcher.take(&queue, 2).await;
    let sent: Vec<Delivery> = messages.iter().map(Delivery::read).collect();
    let told: Vec<(&str, i64)> = sent.iter().map(|d| (d.kind(), d.sequence())).collect();
    assert_eq!(told, [("payout.broadcast", 2), ("payout.delivered", 3)], "both, in order");

    // The broadcast arrives after all: late, and no news.
    let late = stage.broadcast("a1", 5).seen_ago(2);
    assert_eq!(stage.tell([late]).await, payout);
    assert_eq!(stage.attention().await, 0.0);
}

#[tokio::test]
async fn an_older_estimate_never_replaces_a_newer_one() {
    let mut stage = Stage::set().await;
    let newer = stage.broadcast("a1", 30);
    let older = Report::progress(&stage.payout, 3).seen_ago(20);
    let payout = stage.tell([newer.clone(), older]).await;
    let expected = newer.time() + time::Duration::seconds(30);
    assert!(
        (parse_time(&payout["estimated_delivery_at"]) - expected).abs() < time::Duration::milliseconds(1)
    );
    assert_eq!(payout["sequence"], 2, "the old report is no change");

    let newest = Report::progress(&stage.payout, 1);
    let payout = stage.tell([newest.clone()]).await;
    let expected = newest.time() + time::Duration::seconds(1);
    assert!(
        (parse_time(&payout["estimated_delivery_at"]) - expected).abs() < time::Duration::milliseconds(1)
    );
    assert_eq!(payout["sequence"], 3);
}

#[tokio::test]
async fn a_second_delivery_under_another_hash_is_refused_and_marked() {
    let mut stage = Stage::set().await;
    let (broadcast, delivered) = (stage.broadcast("0xA1", 5), stage.delivered("0xa1"));
    let done = stage.tell([broadcast, delivered]).await;
    let same_hash = stage.delivered("0XA1");
    assert_eq!(stage.tell([same_hash]).await, done, "the same hash, spelt otherwise");
    assert_eq!(stage.attention().await, 0.0);

    let another_hash = stage.delivered("0xb2");
    assert_eq!(stage.tell([another_hash]).await, done);
    assert_eq!(stage.outcomes(r#"outcome="refused""#).await, 1.0);
    assert_eq!(stage.attention().await, 1.0);
}

#[tokio::test]
async fn another_hash_before_delivery_is_a_further_leg() {
    let mut stage = Stage::set().await;
    let (first, second) =
        (stage.broadcast("a1", 60), stage.broadcast("b2", 10).with_data("leg", "destination"));
    let payout = stage.tell([first, second.clone()]).await;
    assert_eq!(payout["status"], "broadcast");
    let hashes: Vec<&Value> = payout["timeline"].as_array().unwrap().iter().map(|e| &e["tx_hash"]).collect();
    assert_eq!(hashes, [&Value::Null, &json!("a1"), &json!("b2")]);
    let expected = second.time() + time::Duration::seconds(10);
    assert!(
        (parse_time(&payout["estimated_delivery_at"]) - expected).abs() < time::Duration::milliseconds(1)
    );
    assert_eq!(stage.attention().await, 0.0);
}

#[tokio::test]
async fn nothing_leads_out_of_failed() {
    let mut stage = Stage::set().await;
    let failed = stage.tell([Report::failed(&stage.payout, "signing_refused")]).await;
    assert_eq!(statuses(&failed), ["pending", "failed"]);
    let (again, progress) = (Report::failed(&stage.payout, "other"), Report::progress(&stage.payout, 5));
    assert_eq!(stage.tell([again, progress]).await, failed);
    assert_eq!(stage.attention().await, 0.0);
    let (broadcast, delivered) = (stage.broadcast("a1", 5), stage.delivered("a1"));
    assert_eq!(stage.tell([broadcast, delivered]).await, failed, "backward: refused");
    assert_eq!(stage.outcomes(r#"outcome="refused""#).await, 2.0);
    assert!(stage.attention().await >= 1.0);
}

#[tokio::test]
async fn delivered_is_taken_back_only_by_a_reversal() {
    let mut stage = Stage::set().await;
    let delivered = stage.delivered("a1");
    let done = stage.tell([delivered]).await;
    let plain = Report::failed(&stage.payout, "bridge_cancelled");
    assert_eq!(stage.tell([plain]).await, done, "a failure without reversal is refused");
    assert_eq!(stage.outcomes(r#"outcome="refused""#).await, 1.0);
    assert_eq!(stage.attention().await, 1.0);

    let reversed = stage.tell([Report::reversal(&stage.payout)]).await;
    assert_eq!(statuses(&reversed), ["pending", "broadcast", "delivered", "failed"]);
    assert_eq!(sequences(&reversed), [1, 2, 3, 4]);
    assert_eq!(reversed["failure"]["code"], "reorg");
    assert_eq!(reversed["funds"], json!({ "location": "unknown", "safe_to_retry": false }));
    assert_eq!(reversed["estimated_delivery_at"], Value::Null);
}

#[tokio::test]
async fn binary_mode_says_the_same() {
    for prefix in ["ce-", "cloudEvents_"] {
        let mut stage = Stage::set().await;
        let (broadcast, delivered) = (stage.broadcast("a1", 5), stage.delivered("a1"));
        let payout = stage.send([broadcast.binary(prefix), delivered.binary(prefix)]).await;
        assert_eq!(payout["status"], "delivered", "{prefix}");
    }
}

#[tokio::test]
async fn a_storm_of_shuffled_repeats_ends_where_it_should() {
    let mut stage = Stage::set().await;
    let mut storm = vec![
        stage.broadcast("a1", 60).seen_ago(4),
        Report::progress(&stage.payout, 40).seen_ago(3),
        Report::progress(&stage.payout, 20).seen_ago(2),
        stage.broadcast("b2", 10).seen_ago(1),
        stage.delivered("b2"),
    ];
    storm.extend(storm.clone());
    storm.extend(storm.clone());
    // Any order will do, as long as it is not the true one: here every seventh of 20, round and round.
    let shuffled: Vec<Report> = (0..storm.len()).map(|i| storm[(i * 7 + 4) % storm.len()].clone()).collect();
    let shuffled: [Report; 20] = shuffled.try_into().expect("twenty reports");
    let payout = stage.tell(shuffled).await;
    assert_eq!(payout["status"], "delivered");
    let sequences = sequences(&payout);
    assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]), "{sequences:?}");
    assert_eq!(payout["timeline"][0]["status"], "pending");
    assert_eq!(statuses(&payout).iter().filter(|status| **status == "delivered").count(), 1);
    assert_eq!(stage.outcomes(r#"outcome="refused""#).await, 0.0);
    assert_eq!(stage.attention().await, 0.0);
}
