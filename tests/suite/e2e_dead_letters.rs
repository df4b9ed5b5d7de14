//! Unreadable messages become dead dead_letters with a reason, and do not delay other messages.

use serde_json::{Value, json};

use crate::support::{DEAD_LETTER_REASON, Message, Report, TestApp};

#[tokio::test]
async fn unreadable_messages_become_dead_letters_and_later_messages_are_processed() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let id = partner.create_payout().await;
    let structured = |body: &str| Message::new(&id, body).content_type("application/cloudevents+json");
    let good = || Report::broadcast(&id, "a1", 5);
    let repeated_key = format!(
        r#"{{"specversion":"1.0","id":"1","id":"2","source":"w","type":"chain.failed","subject":"{id}"}}"#
    );
    let too_large = good().with_data("padding", "x".repeat(3 << 20)).structured();
    let other_payout = format!("pay_{}", "0".repeat(32));

    let unreadable = [
        ("not_json", structured("{not json")),
        ("not_json", structured("").body_base64("//79AA==")),
        ("not_json", structured("")),
        ("duplicate_key", structured(&repeated_key)),
        ("not_a_cloud_event", structured("[]")),
        ("not_a_cloud_event", structured(r#"{"hello":"app"}"#)),
        ("unsupported_version", good().with("specversion", "2.0").structured()),
        ("unknown_type", good().with("type", "chain.exploded").structured()),
        ("unknown_type", good().with("type", "payout.delivered").structured()),
        ("invalid_data", good().with("data", json!({})).structured()),
        ("invalid_data", good().with_data("estimated_seconds", "soon").structured()),
        ("invalid_data", good().with_data("estimated_seconds", -1).structured()),
        ("payout_mismatch", good().with("subject", other_payout).structured().routing_key(&id)),
        ("too_large", too_large),
    ];
    let mut watcher = app.watcher().await;
    watcher.publish(unreadable.iter().map(|(_, message)| message.clone())).await;
    watcher.publish([good()]).await;
    partner.wait_for_status(&id, "broadcast").await;

    let dead_letters = watcher.receive("payoutd.dead-letters", unreadable.len()).await;
    let mut reasons: Vec<&str> = dead_letters.iter().map(reason).collect();
    let mut expected: Vec<&str> = unreadable.iter().map(|(reason, _)| *reason).collect();
    reasons.sort_unstable();
    expected.sort_unstable();
    assert_eq!(reasons, expected);
    for message in &dead_letters {
        assert_eq!(message["exchange"], "payoutd.dead-letters", "{message}");
    }
    let exploded =
        dead_letters.iter().find(|message| message["body"].as_str().unwrap().contains("chain.exploded"));
    let body: Value = serde_json::from_str(exploded.unwrap()["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["type"], "chain.exploded", "the body is unchanged");
    assert_eq!(partner.read(&id).await["sequence"], 2, "the unreadable messages changed nothing");
}

#[tokio::test]
async fn unreadable_messages_do_not_block_the_queue() {
    const UNREADABLE: usize = 2000;
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let id = partner.create_payout().await;
    let mut watcher = app.watcher().await;
    let unreadable = Message::new(&id, "not JSON").content_type("application/cloudevents+json");
    watcher.publish(vec![unreadable; UNREADABLE]).await;
    watcher.publish([Report::delivered(&id, "a1")]).await;
    partner.wait_for_status(&id, "delivered").await;
    let dead_letters = watcher.receive("payoutd.dead-letters", UNREADABLE).await;
    assert!(dead_letters.iter().all(|message| reason(message) == "not_json"));
    assert_eq!(watcher.count("payoutd.chain-events").await, 0);
}

#[tokio::test]
async fn unknown_attributes_and_fields_are_ignored() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let id = partner.create_payout().await;
    let report = Report::broadcast(&id, "a1", 5)
        .with_data("gas_price", "12")
        .with("dataschema", "https://example.com/chain.broadcast/1.3")
        .with("partition", "7");
    let mut watcher = app.watcher().await;
    watcher.publish([report]).await;
    partner.wait_for_status(&id, "broadcast").await;
    assert_eq!(watcher.count("payoutd.dead-letters").await, 0);
}

fn reason(message: &Value) -> &str {
    message["headers"][DEAD_LETTER_REASON].as_str().unwrap_or_else(|| panic!("no reason in {message}"))
}
