//! What cannot be read is put aside with the reason, and holds nobody up.

use serde_json::{Value, json};

use crate::support::{Message, Report, World};

/// Where the reason stands.
pub(crate) const REASON: &str = "payoutd-reason";

#[tokio::test]
async fn unreadable_messages_are_put_aside_and_readable_ones_behind_them_go_on() {
    let world = World::start().await;
    let partner = world.live().await;
    let id = partner.payout().await;
    let structured = |body: &str| Message::new(&id, body).content_type("application/cloudevents+json");
    let good = || Report::broadcast(&id, "a1", 5);
    let twice = format!(
        r#"{{"specversion":"1.0","id":"1","id":"2","source":"w","type":"chain.failed","subject":"{id}"}}"#
    );
    let too_large = good().with_data("padding", "x".repeat(3 << 20)).structured();
    let elsewhere = format!("pay_{}", "0".repeat(32));

    let unreadable = [
        ("not_json", structured("{not json")),
        ("not_json", structured("").body_base64("//79AA==")),
        ("not_json", structured("")),
        ("duplicate_key", structured(&twice)),
        ("not_a_cloud_event", structured("[]")),
        ("not_a_cloud_event", structured(r#"{"hello":"world"}"#)),
        ("unsupported_version", good().with("specversion", "2.0").structured()),
        ("unknown_type", good().with("type", "chain.exploded").structured()),
        ("unknown_type", good().with("type", "payout.delivered").structured()),
        ("invalid_data", good().with("data", json!({})).structured()),
        ("invalid_data", good().with_data("estimated_seconds", "soon").structured()),
        ("invalid_data", good().with_data("estimated_seconds", -1).structured()),
        ("payout_mismatch", good().with("subject", elsewhere).structured().routing_key(&id)),
        ("too_large", too_large),
    ];
    let mut watcher = world.watcher().await;
    watcher.publish(unreadable.iter().map(|(_, message)| message.clone())).await;
    watcher.publish([good()]).await;
    partner.until_status(&id, "broadcast").await;

    let letters = watcher.take("payoutd.dead-letters", unreadable.len()).await;
    let mut reasons: Vec<&str> = letters.iter().map(reason).collect();
    let mut expected: Vec<&str> = unreadable.iter().map(|(reason, _)| *reason).collect();
    reasons.sort_unstable();
    expected.sort_unstable();
    assert_eq!(reasons, expected);
    for letter in &letters {
        assert_eq!(letter["exchange"], "payoutd.dead-letters", "{letter}");
    }
    let exploded = letters.iter().find(|letter| letter["body"].as_str().unwrap().contains("chain.exploded"));
    let body: Value = serde_json::from_str(exploded.unwrap()["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["type"], "chain.exploded", "kept as it came");
    assert_eq!(partner.read(&id).await["sequence"], 2, "none of them did anything");
}

#[tokio::test]
async fn no_number_of_unreadable_messages_blocks_the_queue() {
    const UNREADABLE: usize = 2000;
    let world = World::start().await;
    let partner = world.live().await;
    let id = partner.payout().await;
    let mut watcher = world.watcher().await;
    let poison = Message::new(&id, "poison").content_type("application/cloudevents+json");
    watcher.publish(vec![poison; UNREADABLE]).await;
    watcher.publish([Report::delivered(&id, "a1")]).await;
    partner.until_status(&id, "delivered").await;
    let letters = watcher.take("payoutd.dead-letters", UNREADABLE).await;
    assert!(letters.iter().all(|letter| reason(letter) == "not_json"));
    assert_eq!(watcher.count("payoutd.chain-events").await, 0);
}

#[tokio::test]
async fn words_that_are_not_known_are_passed_over() {
    let world = World::start().await;
    let partner = world.live().await;
    let id = partner.payout().await;
    let report = Report::broadcast(&id, "a1", 5)
        .with_data("gas_price", "12")
        .with("dataschema", "https://example.com/chain.broadcast/1.3")
        .with("partition", "7");
    let mut watcher = world.watcher().await;
    watcher.publish([report]).await;
    partner.until_status(&id, "broadcast").await;
    assert_eq!(watcher.count("payoutd.dead-letters").await, 0);
}

fn reason(letter: &Value) -> &str {
    letter["headers"][REASON].as_str().unwrap_or_else(|| panic!("no reason in {letter}"))
}
