//! Events for downstream services.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Partner, PublishedEvent, Report, TestApp};

#[tokio::test]
async fn the_events_of_a_payout_are_published_in_order_with_their_routing_keys() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let mut watcher = app.watcher().await;
    let queue = watcher.subscribe("payouts", "#").await;
    let id = partner.create_payout().await;
    watcher
        .publish([
            Report::broadcast(&id, "a1", 40),
            Report::progress(&id, 20),
            Report::delivered(&id, "a1").with_data("recipient_amount", "25.00"),
            Report::reversal(&id),
        ])
        .await;
    let last = partner.wait_for_status(&id, "failed").await;
    let from = last["quote"]["route"]["from_network"].as_str().unwrap();

    let messages = watcher.receive(&queue, 5).await;
    let events: Vec<PublishedEvent> = messages.iter().map(PublishedEvent::read).collect();
    let kinds = ["payout.created", "payout.broadcast", "payout.updated", "payout.delivered", "payout.failed"];
    assert_eq!(events.iter().map(PublishedEvent::kind).collect::<Vec<_>>(), kinds);
    assert_eq!(events.iter().map(PublishedEvent::sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    for event in &events {
        assert_eq!(event.routing_key, format!("{}.{from}", event.kind()));
        assert_eq!(event.event["subject"], id.as_str());
    }
    let previous: Vec<&Value> = events.iter().map(|d| &d.event["data"]["previous_status"]).collect();
    let expected = json!([null, "pending", "broadcast", "broadcast", "delivered"]);
    assert_eq!(previous, expected.as_array().unwrap().iter().collect::<Vec<_>>());

    let mut data = events[4].event["data"].clone();
    data.as_object_mut().unwrap().remove("previous_status");
    assert_eq!(data, last, "the data of an event equals the polled payout");
    assert_eq!(watcher.receive_within(&queue, 1, 1.0).await, Vec::<Value>::new(), "no further event");
}

#[tokio::test]
async fn payout_created_contains_the_instruction_for_the_signing_service() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let mut watcher = app.watcher().await;
    let queue = watcher.subscribe("payouts", "payout.created.*").await;
    let mut request = Partner::quote_request();
    request["destination"] = json!("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed");
    let quote = partner.quote(&request).await.expect(200);
    let payout = partner.execute(quote["quote_id"].as_str().unwrap()).await.expect(201);
    let route = &payout["quote"]["route"];
    assert_ne!(route["from_network"], route["to_network"], "a bridge");

    let created = PublishedEvent::read(&watcher.receive(&queue, 1).await[0]);
    assert_eq!(created.routing_key, format!("payout.created.{}", route["from_network"].as_str().unwrap()));
    let instruction = &created.event["data"]["instruction"];
    assert_eq!(instruction["asset"], "USDT");
    assert_eq!(instruction["destination"], request["destination"]);
    assert_eq!(instruction["amount"], payout["quote"]["recipient_gets"]);
    assert_eq!(instruction["from_network"], route["from_network"]);
    assert_eq!(instruction["to_network"], route["to_network"]);
}

#[tokio::test]
async fn an_event_has_the_trace_id_of_its_report() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let mut watcher = app.watcher().await;
    let queue = watcher.subscribe("payouts", "payout.broadcast.*").await;
    let id = partner.create_payout().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let report = Report::broadcast(&id, "a1", 5)
        .structured()
        .header("traceparent", json!(format!("00-{trace}-00f067aa0ba902b7-01")));
    watcher.publish([report]).await;
    let message = watcher.receive(&queue, 1).await.remove(0);
    let traceparent = message["headers"]["traceparent"].as_str().unwrap_or_default();
    assert!(traceparent.contains(trace), "{message}");
}

#[tokio::test]
async fn one_event_announces_that_a_payout_is_late() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let mut watcher = app.watcher().await;
    let queue = watcher.subscribe("payouts", "payout.late.*").await;
    let id = partner.create_payout().await;
    watcher.publish([Report::broadcast(&id, "a1", 1)]).await;
    let late = partner.wait_until(&id, "late", |payout| payout["late"] == true).await;
    assert_eq!((&late["status"], &late["sequence"]), (&json!("broadcast"), &json!(3)));
    let event = PublishedEvent::read(&watcher.receive(&queue, 1).await[0]);
    assert_eq!((event.kind(), event.sequence()), ("payout.late", 3));
    assert_eq!(watcher.receive_within(&queue, 1, 1.5).await, Vec::<Value>::new(), "one event");
}

#[tokio::test]
async fn the_events_of_each_of_many_payouts_are_published_in_order() {
    const PAYOUTS: usize = 40;
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let mut watcher = app.watcher().await;
    let queue = watcher.subscribe("payouts", "#").await;
    let mut ids = Vec::new();
    for _ in 0..PAYOUTS {
        ids.push(partner.create_payout().await);
    }
    let delivered = ids.iter().map(|id| Report::delivered(id, "a1"));
    watcher.publish(ids.iter().map(|id| Report::broadcast(id, "a1", 30)).chain(delivered)).await;

    let messages = watcher.receive(&queue, PAYOUTS * 3).await;
    let mut received: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for event in messages.iter().map(PublishedEvent::read) {
        received.entry(event.subject().to_owned()).or_default().push(event.sequence());
    }
    assert_eq!(received.len(), PAYOUTS);
    for (id, sequences) in received {
        assert_eq!(sequences, [1, 2, 3], "{id}");
    }
}
