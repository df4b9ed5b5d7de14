//! Kills and restarts of the process, and lost connections: nothing is lost, duplicated or reverted.

use std::time::Duration;

use serde_json::Value;

use crate::support::{PublishedEvent, Report, TestApp, Watcher, terminate_backends, timeline_sequences};

#[tokio::test]
async fn payouts_continue_after_the_process_is_killed() {
    let mut app = TestApp::start().await;
    let partner = app.live_partner().await;
    let mut watcher = app.watcher().await;
    let (moved, unmoved) = (partner.create_payout().await, partner.create_payout().await);
    watcher.publish([Report::broadcast(&moved, "a1", 60)]).await;
    let before = partner.wait_for_status(&moved, "broadcast").await;

    app.payoutd.kill().await;
    watcher.publish([Report::delivered(&unmoved, "b1")]).await;
    app.payoutd.restart().await;

    let partner = app.payoutd.reconnect(&partner);
    assert_eq!(partner.read(&moved).await, before, "the restart changed nothing");
    watcher.publish([Report::delivered(&moved, "a1")]).await;
    assert_eq!(timeline_sequences(&partner.wait_for_status(&moved, "delivered").await), [1, 2, 3]);
    assert_eq!(timeline_sequences(&partner.wait_for_status(&unmoved, "delivered").await), [1, 2, 3]);
}

#[tokio::test]
async fn kills_while_reports_arrive_lose_and_duplicate_nothing() {
    const PAYOUTS: usize = 60;
    const KILLS: usize = 4;
    let mut app = TestApp::start().await;
    let partner = app.live_partner().await;
    let mut watcher = app.watcher().await;
    let queue = watcher.subscribe("payouts", "#").await;
    let mut ids = Vec::new();
    for _ in 0..PAYOUTS {
        ids.push(partner.create_payout().await);
    }
    for kill in 0..KILLS {
        let part = ids.chunks(PAYOUTS / KILLS).nth(kill).unwrap();
        let reports = part.iter().flat_map(|id| {
            [Report::broadcast(id, "a1", 60), Report::progress(id, 30), Report::delivered(id, "a1")]
        });
        watcher.publish(reports).await;
        // The work that the kill interrupts differs between runs.
        tokio::time::sleep(Duration::from_millis(15 * kill as u64)).await;
        app.payoutd.kill().await;
        app.payoutd.restart().await;
    }
    let partner = app.payoutd.reconnect(&partner);
    for id in &ids {
        let done = partner.wait_for_status(id, "delivered").await;
        assert_eq!(
            done["sequence"], 4,
            "broadcast, progress and delivered each changed the payout once: {done}"
        );
        assert_eq!(timeline_sequences(&done), [1, 2, 4]);
    }
    assert_each_event_is_published(&mut watcher, &queue, &ids).await;
    assert_eq!(watcher.count("payoutd.chain-events").await, 0);
    assert_eq!(watcher.count("payoutd.dead-letters").await, 0);
}

/// Delivery is at least once: an event may be repeated, but the first occurrences are in order.
async fn assert_each_event_is_published(watcher: &mut Watcher, queue: &str, ids: &[String]) {
    let mut received: std::collections::BTreeMap<String, Vec<i64>> =
        ids.iter().map(|id| (id.clone(), vec![])).collect();
    while received.values().any(|sequences| sequences.len() < 4) {
        let message: Value = watcher.receive(queue, 1).await.remove(0);
        let event = PublishedEvent::read(&message);
        let sequences = received.get_mut(event.subject()).expect("a payout of this test");
        if sequences.last().is_none_or(|last| *last < event.sequence()) {
            sequences.push(event.sequence());
        }
    }
    assert!(received.values().all(|sequences| sequences == &[1, 2, 3, 4]), "{received:?}");
}

#[tokio::test]
async fn after_sigterm_the_next_process_applies_the_remaining_reports() {
    let mut app = TestApp::start().await;
    let partner = app.live_partner().await;
    let mut watcher = app.watcher().await;
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(partner.create_payout().await);
    }
    let delivered = ids.iter().map(|id| Report::delivered(id, "a1"));
    watcher.publish(ids.iter().map(|id| Report::broadcast(id, "a1", 60)).chain(delivered)).await;
    app.payoutd.terminate().await;
    app.payoutd.restart().await;
    let partner = app.payoutd.reconnect(&partner);
    for id in &ids {
        assert_eq!(timeline_sequences(&partner.wait_for_status(id, "delivered").await), [1, 2, 3]);
    }
}

#[tokio::test]
async fn no_report_is_lost_when_database_connections_break() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let mut watcher = app.watcher().await;
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(partner.create_payout().await);
    }
    for part in ids.chunks(10) {
        watcher.publish(part.iter().map(|id| Report::broadcast(id, "a1", 60))).await;
        terminate_backends(&app.database_url).await;
        watcher.publish(part.iter().map(|id| Report::delivered(id, "a1"))).await;
        terminate_backends(&app.database_url).await;
    }
    for id in &ids {
        assert_eq!(timeline_sequences(&partner.wait_for_status(id, "delivered").await), [1, 2, 3]);
    }
    assert_eq!(watcher.count("payoutd.dead-letters").await, 0);
}

#[tokio::test]
async fn no_report_is_lost_when_broker_connections_break() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let mut watcher = app.watcher().await;
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(partner.create_payout().await);
    }
    for part in ids.chunks(10) {
        // The connections of the watcher and of the consumer, and the one of the publisher if there are events to publish.
        let connections = app.broker.wait_for_connections(2).await;
        watcher.publish(part.iter().map(|id| Report::broadcast(id, "a1", 60))).await;
        watcher.publish(part.iter().map(|id| Report::delivered(id, "a1"))).await;
        app.broker.close_connections(&connections).await;
        watcher = app.watcher().await;
    }
    for id in &ids {
        assert_eq!(timeline_sequences(&partner.wait_for_status(id, "delivered").await), [1, 2, 3]);
    }
}
