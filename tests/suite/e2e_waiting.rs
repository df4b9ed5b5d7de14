//! Waiting for a payout to move: polls that are held, and streams of events.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{
    Answer, Events, Partner, Report, World, allow_many_connections, eventually, transactions,
};

fn named(events: &[(i64, &str)]) -> Vec<(i64, String)> {
    events.iter().map(|(sequence, kind)| (*sequence, format!("payout.{kind}"))).collect()
}

/// Nothing looks into the database by itself, so that what does is seen.
const QUIET: [(&str, &str); 4] = [
    ("PAYOUTD_SWEEP__EVERY_MILLIS", "60000"),
    ("PAYOUTD_RELAY__POLL_MILLIS", "60000"),
    ("PAYOUTD_SANDBOX__POLL_MILLIS", "60000"),
    ("PAYOUTD_WEBHOOKS__POLL_MILLIS", "60000"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_wait_at_no_cost_and_one_report_releases_them_all() {
    const KEYS: usize = 4;
    const EACH: usize = 500;
    allow_many_connections();
    let world = World::start_with(&QUIET).await;
    let mut keys = Vec::new();
    for _ in 0..=KEYS {
        keys.push(world.live().await);
    }
    let id = keys[0].payout().await;
    let path = format!("/payouts/{id}?wait=60&after_sequence=1");
    let mut waiting = JoinSet::new();
    for key in &keys[..KEYS] {
        for _ in 0..EACH {
            waiting.spawn(Answer::try_to(key.get(&path)));
        }
    }
    eventually("all of them wait", || async {
        (world.payoutd.metric("payoutd_http_held_requests", "").await >= (KEYS * EACH) as f64).then_some(())
    })
    .await;

    let loads = world.payoutd.metric("payoutd_group_commit_batch_size_sum", "kind=\"load\"").await;
    // Sessions that sit idle tell what they did within ten seconds.
    tokio::time::sleep(Duration::from_secs(11)).await;
    let before = transactions(&world.database_url).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    let spent = transactions(&world.database_url).await - before;
    // Looks of the background's own, some told of late. One look by each of those who wait would be ten times as many.
    assert!(spent < 200, "{spent} transactions while nothing moved");

    Answer::to(keys[0].get(&path)).await.expect_problem(429, "rate_limited");
    let refused = Answer::to(keys[KEYS].get(&path)).await;
    refused.expect_problem(503, "unavailable");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(keys[0].read(&id).await["sequence"], 1, "whoever does not wait is served");

    let began = Instant::now();
    world.watcher().await.publish([Report::broadcast(&id, "a1", 60)]).await;
    while let Some(released) = waiting.join_next().await {
        let answer = released.unwrap().expect("an answer");
        assert_eq!(answer.expect(200)["sequence"], 2);
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let loaded = world.payoutd.metric("payoutd_group_commit_batch_size_sum", "kind=\"load\"").await - loads;
    assert!(loaded < 1.0, "{loaded} loads");
    assert!(world.payoutd.metric("payoutd_http_held_requests", "").await < 1.0);
}

#[tokio::test]
async fn becoming_late_ends_a_wait() {
    let world = World::start().await;
    let partner = world.live().await;
    let id = partner.payout().await;
    world.watcher().await.publish([Report::broadcast(&id, "a1", 2)]).await;
    let path = format!("/payouts/{id}?wait=30&after_sequence=2");
    let late = Answer::to(partner.get(&path)).await.expect(200);
    assert_eq!((&late["late"], &late["sequence"]), (&json!(true), &json!(3)));
}

#[tokio::test]
async fn a_wait_keeps_to_the_entity_tag() {
    let world = World::start().await;
    let partner = world.live().await;
    let id = partner.payout().await;
    let poll = |query: &str| {
        let request = partner.get(&format!("/payouts/{id}{query}")).header("If-None-Match", "\"1\"");
        tokio::spawn(Answer::to(request))
    };
    let unmoved = poll("?wait=1").await.unwrap();
    assert_eq!((unmoved.status, unmoved.text.as_str(), unmoved.header("etag")), (304, "", Some("\"1\"")));
    let waiting = poll("?wait=30");
    world.watcher().await.publish([Report::failed(&id, "x")]).await;
    let moved = waiting.await.unwrap();
    assert_eq!((moved.expect(200)["status"].as_str(), moved.header("etag")), (Some("failed"), Some("\"2\"")));
    for query in ["?wait=61", "?wait=soon", "?after_sequence=-1", "?wait=1&wait=1"] {
        poll(query).await.unwrap().expect_problem(422, "validation_error");
    }
}

#[tokio::test]
async fn a_stream_goes_on_after_a_crash_where_it_was() {
    let mut world = World::start().await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;
    let id = partner.payout().await;
    let mut events = Events::of(&partner, &id, None).await;
    watcher.publish([Report::broadcast(&id, "a1", 60), Report::progress(&id, 50)]).await;
    assert_eq!(events.take(3).await, named(&[(1, "created"), (2, "broadcast"), (3, "updated")]));

    world.payoutd.kill().await;
    assert!(events.next().await.is_none());
    watcher.publish([Report::delivered(&id, "a1")]).await;
    world.payoutd.start_again().await;

    let partner: Partner = world.payoutd.again(&partner);
    let mut resumed = Events::of(&partner, &id, Some(3)).await;
    assert_eq!(resumed.take(1).await, named(&[(4, "delivered")]));
    let mut from_the_start = Events::of(&partner, &id, Some(0)).await;
    let all = [(1, "created"), (2, "broadcast"), (3, "updated"), (4, "delivered"), (5, "failed")];
    assert_eq!(from_the_start.take(4).await, named(&all[..4]));

    watcher.publish([Report::reversal(&id)]).await;
    for stream in [&mut resumed, &mut from_the_start] {
        let (sequence, kind, payout) = stream.next().await.expect("the reversal");
        assert_eq!((sequence, kind.as_str()), (5, "payout.failed"));
        assert_eq!(payout, partner.read(&id).await, "what a poll shows");
        assert!(stream.next().await.is_none(), "nothing follows");
    }
}

#[tokio::test]
async fn every_reader_of_a_stream_gets_every_change_once_through_crashes() {
    const READERS: usize = 20;
    let mut world = World::start().await;
    let mut watcher = world.watcher().await;
    let partner = world.live().await;
    let id = partner.payout().await;
    let (addresses, address) = tokio::sync::watch::channel(partner.clone());
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        readers.spawn(read_to_the_end(address.clone(), id.clone()));
    }
    for part in 0..3 {
        // Each a little later than the one before, so that each moves the estimate.
        let mut reports: Vec<_> = (0..20).map(|n| Report::progress(&id, 500 - 30 * part - n)).collect();
        if part == 2 {
            reports.push(Report::failed(&id, "x"));
        }
        watcher.publish(reports).await;
        tokio::time::sleep(Duration::from_millis(40)).await;
        world.payoutd.kill().await;
        world.payoutd.start_again().await;
        addresses.send_replace(world.payoutd.again(&partner));
    }
    let partner = world.payoutd.again(&partner);
    let newest = partner.until_status(&id, "failed").await["sequence"].as_i64().unwrap();
    assert!(newest > 40, "{newest}");
    while let Some(seen) = readers.join_next().await {
        assert_eq!(seen.unwrap(), (1..=newest).collect::<Vec<_>>());
    }
}

/// The sequences of every event, resumed as often as the stream breaks, up to the failure.
async fn read_to_the_end(mut address: tokio::sync::watch::Receiver<Partner>, id: String) -> Vec<i64> {
    let mut seen = Vec::new();
    loop {
        let partner = address.borrow_and_update().clone();
        let resumed = Events::try_of(&partner, &id, Some(seen.last().copied().unwrap_or(0))).await;
        if let Ok(mut events) = resumed {
            while let Some((sequence, kind, _)) = events.next().await {
                seen.push(sequence);
                if kind == "payout.failed" {
                    return seen;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_drain_ends_all_waiting_in_good_order() {
    let mut world = World::start().await;
    let partner = world.live().await;
    let id = partner.payout().await;
    let waiting = tokio::spawn(Answer::to(partner.get(&format!("/payouts/{id}?wait=60"))));
    let mut events = Events::of(&partner, &id, None).await;
    assert_eq!(events.take(1).await, named(&[(1, "created")]));
    eventually("both wait", || async {
        (world.payoutd.metric("payoutd_http_held_requests", "").await >= 2.0).then_some(())
    })
    .await;
    let began = Instant::now();
    world.payoutd.terminate().await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(waiting.await.unwrap().expect(200)["sequence"], 1);
    assert!(events.next().await.is_none());
}
