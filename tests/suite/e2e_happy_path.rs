//! One payout, from quote to delivered, as its partner sees it.

use reqwest::header::{ETAG, IF_NONE_MATCH, LOCATION};
use serde_json::{Value, json};
use time::Duration;

use crate::support::{Answer, Partner, Report, World, parse_time};

#[tokio::test]
async fn a_payout_is_quoted_executed_broadcast_and_delivered() {
    let world = World::start().await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;

    let quote = partner.quote(&Partner::terms()).await.expect(200);
    let answer = partner.execute(quote["quote_id"].as_str().unwrap()).await;
    let created = answer.expect(201);
    let id = created["id"].as_str().unwrap();
    assert!(id.starts_with("pay_"), "{id}");
    assert_eq!(answer.header(LOCATION.as_str()), Some(format!("/payouts/{id}").as_str()));
    assert_eq!((&created["status"], &created["sequence"]), (&json!("pending"), &json!(1)));
    for field in ["quote_id", "user_sends", "recipient_gets", "fee_total_usd", "route"] {
        assert_eq!(created["quote"][field], quote[field], "{field} is as it was quoted");
    }
    let route_seconds = quote["route"]["estimated_seconds"].as_i64().unwrap();
    let promised = parse_time(&created["estimated_delivery_at"]);
    assert_eq!(promised - parse_time(&created["created_at"]), Duration::seconds(route_seconds));

    let broadcast = Report::broadcast(id, "a1", 3);
    watcher.publish([broadcast.clone()]).await;
    let on_its_way = partner.until_status(id, "broadcast").await;
    assert_eq!(on_its_way["sequence"], 2);
    let expected = parse_time(&on_its_way["estimated_delivery_at"]);
    assert!(expected < promised, "the estimate shrinks");
    assert!((expected - broadcast.time() - Duration::seconds(3)).abs() < Duration::milliseconds(1));
    assert_eq!(on_its_way["funds"], json!({ "location": "in_transit", "safe_to_retry": false }));

    let delivered =
        Report::delivered(id, "a1").with_data("recipient_amount", "24.99").with_data("fees_paid_usd", "1.23");
    watcher.publish([delivered]).await;
    let done = partner.until_status(id, "delivered").await;
    assert_eq!(statuses(&done), ["pending", "broadcast", "delivered"]);
    assert_eq!(sequences(&done), [1, 2, 3]);
    assert_eq!(done["timeline"][2]["tx_hash"], "a1");
    assert_eq!(done["timeline"][2]["inferred"], false);
    assert_eq!(done["estimated_delivery_at"], done["timeline"][2]["at"]);
    assert_eq!(done["final_recipient_amount"], "24.99");
    assert_eq!(done["fees_paid_usd"], "1.23");
    assert_eq!(done["funds"]["location"], "recipient");
    assert_eq!((&done["failure"], &done["late"]), (&Value::Null, &json!(false)));
    for hidden in ["recommendation", "insufficient_funds"] {
        assert!(done.get(hidden).is_none(), "a snapshot never has {hidden}");
    }
}

#[tokio::test]
async fn a_failure_says_why_and_where_the_funds_are() {
    let world = World::start().await;
    let partner = world.live().await;
    let id = partner.payout().await;
    world.watcher().await.publish([Report::failed(&id, "signing_refused")]).await;
    let failed = partner.until_status(&id, "failed").await;
    assert_eq!(failed["failure"]["code"], "signing_refused");
    assert_eq!(failed["failure"]["message"], "It did not work.");
    assert_eq!(failed["estimated_delivery_at"], Value::Null);
    assert_eq!(failed["funds"], json!({ "location": "sender", "safe_to_retry": true }));
}

#[tokio::test]
async fn a_poll_that_has_seen_it_costs_nothing_until_something_changes() {
    let world = World::start().await;
    let partner = world.live().await;
    let id = partner.payout().await;
    let path = format!("/payouts/{id}");

    let seen = partner.poll(&id).await.header(ETAG.as_str()).unwrap().to_owned();
    assert!(seen.starts_with('"'), "a strong tag: {seen}");
    let again = Answer::to(partner.get(&path).header(IF_NONE_MATCH, &seen)).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));

    world.watcher().await.publish([Report::broadcast(&id, "a1", 5)]).await;
    partner.until_status(&id, "broadcast").await;
    let changed = Answer::to(partner.get(&path).header(IF_NONE_MATCH, &seen)).await;
    assert_eq!(changed.expect(200)["status"], "broadcast");
    assert_ne!(changed.header(ETAG.as_str()), Some(seen.as_str()));
}

#[tokio::test]
async fn a_long_poll_answers_when_the_payout_moves() {
    let world = World::start().await;
    let partner = world.live().await;
    let id = partner.payout().await;
    let waiting = {
        let request = partner.get(&format!("/payouts/{id}?wait=30&after_sequence=1"));
        tokio::spawn(Answer::to(request))
    };
    world.watcher().await.publish([Report::broadcast(&id, "a1", 5)]).await;
    let moved = waiting.await.unwrap().expect(200);
    assert_eq!((&moved["sequence"], &moved["status"]), (&json!(2), &json!("broadcast")));

    let started = std::time::Instant::now();
    let unmoved =
        Answer::to(partner.get(&format!("/payouts/{id}?wait=1&after_sequence=2"))).await.expect(200);
    assert_eq!(unmoved["sequence"], 2);
    assert!(started.elapsed() >= std::time::Duration::from_millis(900), "it waited");
}

pub(crate) fn statuses(payout: &Value) -> Vec<&str> {
    let entries = payout["timeline"].as_array().expect("a list");
    entries.iter().map(|entry| entry["status"].as_str().expect("text")).collect()
}

pub(crate) fn sequences(payout: &Value) -> Vec<i64> {
    let entries = payout["timeline"].as_array().expect("a list");
    entries.iter().map(|entry| entry["sequence"].as_i64().expect("a number")).collect()
}
