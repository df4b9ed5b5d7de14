//! Reports that come before their payout.

use serde_json::json;

use crate::e2e_dead_letters::REASON;
use crate::e2e_happy_path::sequences;
use crate::support::{Report, World, eventually, rename_payout};

#[tokio::test]
async fn a_report_without_a_payout_is_put_aside_after_the_limit() {
    let world = World::start_with(&[("PAYOUTD_REPORTS__PARK_SECONDS", "1")]).await;
    let mut watcher = world.watcher().await;
    let nobody = format!("pay_{}", "0".repeat(32));
    watcher.publish([Report::broadcast(&nobody, "a1", 5)]).await;
    let letter = watcher.take("payoutd.dead-letters", 1).await.remove(0);
    assert_eq!(letter["headers"][REASON], "unknown_payout");
    assert_eq!(letter["routing_key"], nobody.as_str());
    assert!(letter["body"].as_str().unwrap().contains(&nobody), "as it came: {letter}");
    assert_eq!(watcher.count("payoutd.chain-events").await, 0);
}

/// Payout ids are payoutd's own, so a report comes early only where the store is behind: restored, or failed over to.
/// Here the payout is taken out of its row for a while.
#[tokio::test]
async fn a_parked_report_is_applied_when_its_payout_appears() {
    let mut world = World::start().await;
    let partner = world.live().await;
    let id = partner.payout().await;
    world.payoutd.kill().await;
    let hidden = format!("pay_{}", uuid::Uuid::now_v7().simple());
    rename_payout(&world.database_url, &id, &hidden).await;
    world.payoutd.start_again().await;
    let partner = world.payoutd.again(&partner);
    partner.poll(&id).await.expect_problem(404, "payout_not_found");

    let mut watcher = world.watcher().await;
    let delivered = Report::delivered(&id, "a1");
    watcher.publish([Report::broadcast(&id, "a1", 5), delivered.clone(), delivered]).await;
    eventually("both reports are parked", || async {
        (world.payoutd.metric("payoutd_intake_parked", "").await == 2.0).then_some(())
    })
    .await;
    rename_payout(&world.database_url, &hidden, &id).await;
    let done = partner.until_status(&id, "delivered").await;
    assert_eq!(sequences(&done), [1, 2, 3]);
    assert_eq!(done["timeline"][1]["inferred"], json!(false), "in the order they came: {done}");
    assert_eq!(watcher.count("payoutd.dead-letters").await, 0);
}
