//! Parked reports: reports whose payout does not exist.

use serde_json::json;

use crate::support::{DEAD_LETTER_REASON, Report, TestApp, change_payout_id, eventually, timeline_sequences};

#[tokio::test]
async fn a_report_without_a_payout_becomes_a_dead_letter_after_the_parking_time() {
    let app = TestApp::start_with(&[("PAYOUTD_REPORTS__PARK_SECONDS", "1")]).await;
    let mut watcher = app.watcher().await;
    let unknown = format!("pay_{}", "0".repeat(32));
    watcher.publish([Report::broadcast(&unknown, "a1", 5)]).await;
    let dead_letter = watcher.receive("payoutd.dead-letters", 1).await.remove(0);
    assert_eq!(dead_letter["headers"][DEAD_LETTER_REASON], "unknown_payout");
    assert_eq!(dead_letter["routing_key"], unknown.as_str());
    assert!(dead_letter["body"].as_str().unwrap().contains(&unknown), "the body is unchanged: {dead_letter}");
    assert_eq!(watcher.count("payoutd.chain-events").await, 0);
}

/// payoutd generates payout ids, so a report precedes its payout only if the database lost commits: after a restore or a
/// failover. The test simulates this: it changes the id of the payout's row for a while.
#[tokio::test]
async fn a_parked_report_is_applied_when_its_payout_appears() {
    let mut app = TestApp::start().await;
    let partner = app.live_partner().await;
    let id = partner.create_payout().await;
    app.payoutd.kill().await;
    let temporary_id = format!("pay_{}", uuid::Uuid::now_v7().simple());
    change_payout_id(&app.database_url, &id, &temporary_id).await;
    app.payoutd.restart().await;
    let partner = app.payoutd.reconnect(&partner);
    partner.poll(&id).await.expect_problem(404, "payout_not_found");

    let mut watcher = app.watcher().await;
    let delivered = Report::delivered(&id, "a1");
    watcher.publish([Report::broadcast(&id, "a1", 5), delivered.clone(), delivered]).await;
    eventually("both reports are parked", || async {
        (app.payoutd.metric("payoutd_intake_parked", "").await == 2.0).then_some(())
    })
    .await;
    change_payout_id(&app.database_url, &temporary_id, &id).await;
    let delivered_payout = partner.wait_for_status(&id, "delivered").await;
    assert_eq!(timeline_sequences(&delivered_payout), [1, 2, 3]);
    assert_eq!(
        delivered_payout["timeline"][1]["inferred"],
        json!(false),
        "the reports were applied in order: {delivered_payout}"
    );
    assert_eq!(watcher.count("payoutd.dead-letters").await, 0);
}
