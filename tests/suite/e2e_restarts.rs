//! The process may end at any moment, and nothing is lost, doubled or turned back.

use std::time::Duration;

use serde_json::Value;

use crate::e2e_happy_path::sequences;
use crate::support::{Delivery, Report, World, kill_backends};

#[tokio::test]
async fn a_killed_process_goes_on_where_it_was() {
    let mut world = World::start().await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;
    let (moved, unmoved) = (partner.payout().await, partner.payout().await);
    watcher.publish([Report::broadcast(&moved, "a1", 60)]).await;
    let before = partner.until_status(&moved, "broadcast").await;

    world.payoutd.kill().await;
    watcher.publish([Report::delivered(&unmoved, "b1")]).await;
    world.payoutd.start_again().await;

    let partner = world.payoutd.again(&partner);
    assert_eq!(partner.read(&moved).await, before, "nothing changed by itself");
    watcher.publish([Report::delivered(&moved, "a1")]).await;
    assert_eq!(sequences(&partner.until_status(&moved, "delivered").await), [1, 2, 3]);
    assert_eq!(sequences(&partner.until_status(&unmoved, "delivered").await), [1, 2, 3]);
}

#[tokio::test]
async fn killed_again_and_again_in_the_middle_of_a_stream_it_loses_and_doubles_nothing() {
    const PAYOUTS: usize = 60;
    const KILLS: usize = 4;
    let mut world = World::start().await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;
    let queue = watcher.subscribe("payouts", "#").await;
    let mut ids = Vec::new();
    for _ in 0..PAYOUTS {
        ids.push(partner.payout().await);
    }
    for kill in 0..KILLS {
        let part = ids.chunks(PAYOUTS / KILLS).nth(kill).unwrap();
        let reports = part.iter().flat_map(|id| {
            [Report::broadcast(id, "a1", 60), Report::progress(id, 30), Report::delivered(id, "a1")]
        });
        watcher.publish(reports).await;
        // Long enough to be in the middle of it: what it is in the middle of differs from run to run.
        tokio::time::sleep(Duration::from_millis(15 * kill as u64)).await;
        world.payoutd.kill().await;
        world.payoutd.start_again().await;
    }
    let partner = world.payoutd.again(&partner);
    for id in &ids {
        let done = partner.until_status(id, "delivered").await;
        assert_eq!(done["sequence"], 4, "broadcast, the new estimate and delivered, each once: {done}");
        assert_eq!(sequences(&done), [1, 2, 4]);
    }
    assert_each_heard_at_least_once(&mut watcher, &queue, &ids).await;
    assert_eq!(watcher.count("payoutd.chain-events").await, 0);
    assert_eq!(watcher.count("payoutd.dead-letters").await, 0);
}

/// At least once means that a message may come twice, but the first of each come in order.
async fn assert_each_heard_at_least_once(watcher: &mut crate::support::Watcher, queue: &str, ids: &[String]) {
    let mut heard: std::collections::BTreeMap<String, Vec<i64>> =
        ids.iter().map(|id| (id.clone(), vec![])).collect();
    while heard.values().any(|sequences| sequences.len() < 4) {
        let message: Value = watcher.take(queue, 1).await.remove(0);
        let delivery = Delivery::read(&message);
        let sequences = heard.get_mut(delivery.subject()).expect("one of ours");
        if sequences.last().is_none_or(|last| *last < delivery.sequence()) {
            sequences.push(delivery.sequence());
        }
    }
    assert!(heard.values().all(|sequences| sequences == &[1, 2, 3, 4]), "{heard:?}");
}

#[tokio::test]
async fn sigterm_drains_and_the_next_process_goes_on() {
    let mut world = World::start().await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(partner.payout().await);
    }
    let delivered = ids.iter().map(|id| Report::delivered(id, "a1"));
    watcher.publish(ids.iter().map(|id| Report::broadcast(id, "a1", 60)).chain(delivered)).await;
    world.payoutd.terminate().await;
    world.payoutd.start_again().await;
    let partner = world.payoutd.again(&partner);
    for id in &ids {
        assert_eq!(sequences(&partner.until_status(id, "delivered").await), [1, 2, 3]);
    }
}

#[tokio::test]
async fn lost_database_connections_cost_nothing() {
    let world = World::start().await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(partner.payout().await);
    }
    for part in ids.chunks(10) {
        watcher.publish(part.iter().map(|id| Report::broadcast(id, "a1", 60))).await;
        kill_backends(&world.database_url).await;
        watcher.publish(part.iter().map(|id| Report::delivered(id, "a1"))).await;
        kill_backends(&world.database_url).await;
    }
    for id in &ids {
        assert_eq!(sequences(&partner.until_status(id, "delivered").await), [1, 2, 3]);
    }
    assert_eq!(watcher.count("payoutd.dead-letters").await, 0);
}

#[tokio::test]
async fn lost_broker_connections_cost_nothing() {
    let world = World::start().await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(partner.payout().await);
    }
    for part in ids.chunks(10) {
        // The watcher's and the intake's; the announcements' as well, unless there is nothing to announce just now.
        let connections = world.broker.connections(2).await;
        watcher.publish(part.iter().map(|id| Report::broadcast(id, "a1", 60))).await;
        watcher.publish(part.iter().map(|id| Report::delivered(id, "a1"))).await;
        world.broker.close(&connections).await;
        watcher = world.watcher().await;
    }
    for id in &ids {
        assert_eq!(sequences(&partner.until_status(id, "delivered").await), [1, 2, 3]);
    }
}
