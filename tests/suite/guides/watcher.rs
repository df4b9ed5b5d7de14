//! `docs/watcher-guide.md`.

use std::collections::BTreeSet;

use payoutd::reports::DeadLetterReason;
use serde_json::Value;

use super::guide::Guide;
use crate::support::{Message, TestApp};

fn guide() -> Guide {
    Guide::read("watcher-guide.md")
}

#[tokio::test]
async fn the_commands_of_the_watcher_guide_work() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let payout = partner.create_payout().await;
    let environment =
        [("PAYOUT", payout.as_str()), ("AMQP_URL", &app.broker.url), ("DATABASE_URL", &app.database_url)];
    let printed = guide().run(&environment).await;
    let read = partner.wait_for_status(&payout, "delivered").await;
    assert_eq!(read["final_recipient_amount"], "25");
    assert_eq!(read["timeline"][1]["tx_hash"], "7c2d4206c03a883d");
    assert!(printed.contains("not_a_cloud_event"), "{printed}");
}

#[tokio::test]
async fn the_messages_of_the_watcher_guide_move_a_payout_from_creation_to_a_reversal() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let payout = partner.create_payout().await;
    let mut watcher = app.watcher().await;
    let mut seen = Vec::new();
    for report in guide().reports() {
        let mut event: Value = serde_json::from_str(&report).unwrap();
        event["subject"] = payout.as_str().into();
        let message = Message::new(&payout, &event.to_string()).content_type("application/cloudevents+json");
        watcher.publish([message.clone(), message]).await;
        let (kind, before) = (event["type"].as_str().unwrap().to_owned(), seen.len());
        let changed = |body: &Value| body["sequence"].as_u64().is_some_and(|n| n > before as u64 + 1);
        let read = partner.wait_until(&payout, &kind, changed).await;
        seen.push((kind, read["status"].as_str().unwrap().to_owned()));
    }
    let seen: Vec<(&str, &str)> =
        seen.iter().map(|(kind, status)| (kind.as_str(), status.as_str())).collect();
    let expected = [
        ("chain.broadcast", "broadcast"),
        ("chain.progress", "broadcast"),
        ("chain.delivered", "delivered"),
        ("chain.failed", "failed"),
    ];
    assert_eq!(seen, expected);
    let read = partner.read(&payout).await;
    assert_eq!(read["funds"]["location"], "returned");
    assert_eq!(read["fees_paid_usd"], "1.37");
}

#[test]
fn the_watcher_guide_lists_every_dead_letter_reason() {
    let rows = guide().table("| `payoutd-reason` | what is wrong |");
    let documented: BTreeSet<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(documented, BTreeSet::from(DeadLetterReason::ALL.map(DeadLetterReason::as_str)));
    assert_eq!(rows.len(), DeadLetterReason::ALL.len());
}
