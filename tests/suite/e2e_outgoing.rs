//! What services downstream hear.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Delivery, Partner, Report, World};

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
async fn a_signing_service_learns_what_to_send_and_where_to_send_it_from() {
    let world = World::start().await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;
    let queue = watcher.subscribe("payouts", "payout.created.*").await;
    let mut terms = Partner::terms();
    terms["destination"] = json!("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed");
    let quote = partner.quote(&terms).await.expect(200);
    let payout = partner.execute(quote["quote_id"].as_str().unwrap()).await.expect(201);
    let route = &payout["quote"]["route"];
    assert_ne!(route["from_network"], route["to_network"], "a bridge");

    let created = Delivery::read(&watcher.take(&queue, 1).await[0]);
    assert_eq!(created.routing_key, format!("payout.created.{}", route["from_network"].as_str().unwrap()));
    let instruction = &created.event["data"]["instruction"];
    assert_eq!(instruction["asset"], "USDT");
    assert_eq!(instruction["destination"], terms["destination"]);
    assert_eq!(instruction["amount"], payout["quote"]["recipient_gets"]);
    assert_eq!(instruction["from_network"], route["from_network"]);
    assert_eq!(instruction["to_network"], route["to_network"]);
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
