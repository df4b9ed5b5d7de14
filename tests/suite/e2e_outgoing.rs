//! What services downstream hear.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Delivery, Report, World};

#[tokio::test]
async fn a_payouts_events_come_in_order_with_their_routing_keys() {
    let world = World::start().await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;
    let queue = watcher.subscribe("payouts", "#").await;
    let id = partner.payout().await;
    watcher
        .publish([
            Report::broadcast(&id, "a1", 40),
            Report::progress(&id, 20),
            Report::delivered(&id, "a1").with_data("recipient_amount", "25.00"),
            Report::reversal(&id),
        ])
        .await;
    let last = partner.until_status(&id, "failed").await;
    let from = last["quote"]["route"]["from_network"].as_str().unwrap();

    let messages = watcher.take(&queue, 5).await;
    let sent: Vec<Delivery> = messages.iter().map(Delivery::read).collect();
    let kinds = ["payout.created", "payout.broadcast", "payout.updated", "payout.delivered", "payout.failed"];
    assert_eq!(sent.iter().map(Delivery::kind).collect::<Vec<_>>(), kinds);
    assert_eq!(sent.iter().map(Delivery::sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    for delivery in &sent {
        assert_eq!(delivery.routing_key, format!("{}.{from}", delivery.kind()));
        assert_eq!(delivery.event["subject"], id.as_str());
    }
    let previous: Vec<&Value> = sent.iter().map(|d| &d.event["data"]["previous_status"]).collect();
    let expected = json!([null, "pending", "broadcast", "broadcast", "delivered"]);
    assert_eq!(previous, expected.as_array().unwrap().iter().collect::<Vec<_>>());

    let mut data = sent[4].event["data"].clone();
    data.as_object_mut().unwrap().remove("previous_status");
    assert_eq!(data, last, "an event carries what a poll shows");
    assert_eq!(watcher.take_within(&queue, 1, 1.0).await, Vec::<Value>::new(), "and nothing more");
}

#[tokio::test]
async fn a_signing_service_learns_what_to_send() {
    let world = World::start().await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;
    let queue = watcher.subscribe("payouts", "payout.created.*").await;
    let id = partner.payout().await;
    let payout = partner.read(&id).await;
    let created = Delivery::read(&watcher.take(&queue, 1).await[0]).event;
    let instruction = &created["data"]["instruction"];
    assert_eq!(instruction["asset"], "USDT");
    assert_eq!(instruction["destination"], "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t");
    assert_eq!(instruction["amount"], payout["quote"]["recipient_gets"]);
    assert_eq!(instruction["from_network"], payout["quote"]["route"]["from_network"]);
    assert_eq!(instruction["to_network"], payout["quote"]["route"]["to_network"]);
}

#[tokio::test]
async fn a_trace_travels_through() {
    let world = World::start().await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;
    let queue = watcher.subscribe("payouts", "payout.broadcast.*").await;
    let id = partner.payout().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let report = Report::broadcast(&id, "a1", 5)
        .structured()
        .header("traceparent", json!(format!("00-{trace}-00f067aa0ba902b7-01")));
    watcher.publish([report]).await;
    let message = watcher.take(&queue, 1).await.remove(0);
    let carried = message["headers"]["traceparent"].as_str().unwrap_or_default();
    assert!(carried.contains(trace), "{message}");
}

#[tokio::test]
async fn a_late_payout_is_announced_once() {
    let world = World::start().await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;
    let queue = watcher.subscribe("payouts", "payout.late.*").await;
    let id = partner.payout().await;
    watcher.publish([Report::broadcast(&id, "a1", 1)]).await;
    let late = partner.until(&id, "late", |payout| payout["late"] == true).await;
    assert_eq!((&late["status"], &late["sequence"]), (&json!("broadcast"), &json!(3)));
    let announced = Delivery::read(&watcher.take(&queue, 1).await[0]);
    assert_eq!((announced.kind(), announced.sequence()), ("payout.late", 3));
    assert_eq!(watcher.take_within(&queue, 1, 1.5).await, Vec::<Value>::new(), "once");
}

#[tokio::test]
async fn of_many_payouts_each_ones_events_stay_in_order() {
    const PAYOUTS: usize = 40;
    let world = World::start().await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;
    let queue = watcher.subscribe("payouts", "#").await;
    let mut ids = Vec::new();
    for _ in 0..PAYOUTS {
        ids.push(partner.payout().await);
    }
    let delivered = ids.iter().map(|id| Report::delivered(id, "a1"));
    watcher.publish(ids.iter().map(|id| Report::broadcast(id, "a1", 30)).chain(delivered)).await;

    let messages = watcher.take(&queue, PAYOUTS * 3).await;
    let mut heard: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for delivery in messages.iter().map(Delivery::read) {
        heard.entry(delivery.subject().to_owned()).or_default().push(delivery.sequence());
    }
    assert_eq!(heard.len(), PAYOUTS);
    for (id, sequences) in heard {
        assert_eq!(sequences, [1, 2, 3], "{id}");
    }
}
