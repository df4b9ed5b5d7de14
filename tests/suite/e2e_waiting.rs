//! Long polls and event streams.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::support::{
    EventStream, HttpResponse, Partner, Report, TestApp, allow_many_connections, eventually,
    transaction_count,
};

fn with_prefix(events: &[(i64, &str)]) -> Vec<(i64, String)> {
    events.iter().map(|(sequence, kind)| (*sequence, format!("payout.{kind}"))).collect()
}

/// Settings that stop the periodic queries, so that all transactions belong to requests.
const NO_POLLING: [(&str, &str); 4] = [
    ("PAYOUTD_SWEEP__EVERY_MILLIS", "60000"),
    ("PAYOUTD_RELAY__POLL_MILLIS", "60000"),
    ("PAYOUTD_SANDBOX__POLL_MILLIS", "60000"),
    ("PAYOUTD_WEBHOOKS__POLL_MILLIS", "60000"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_long_polls_need_no_queries_and_one_report_ends_all() {
    const KEYS: usize = 4;
    const POLLS_PER_KEY: usize = 500;
    allow_many_connections();
    let app = TestApp::start_with(&NO_POLLING).await;
    let mut keys = Vec::new();
    for _ in 0..=KEYS {
        keys.push(app.live_partner().await);
    }
    let id = keys[0].create_payout().await;
    let path = format!("/payouts/{id}?wait=60&after_sequence=1");
    let mut waiting = JoinSet::new();
    for key in &keys[..KEYS] {
        for _ in 0..POLLS_PER_KEY {
            waiting.spawn(HttpResponse::try_to(key.get(&path)));
        }
    }
    eventually("all long polls wait", || async {
        (app.payoutd.metric("payoutd_http_held_requests", "").await >= (KEYS * POLLS_PER_KEY) as f64)
            .then_some(())
    })
    .await;

    let loads = app.payoutd.metric("payoutd_group_commit_batch_size_sum", "kind=\"load\"").await;
    // Idle sessions report their transactions within ten seconds.
    tokio::time::sleep(Duration::from_secs(11)).await;
    let before = transaction_count(&app.database_url).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    let transactions = transaction_count(&app.database_url).await - before;
    // Background services run some transactions. One transaction for each long poll would be ten times as many.
    assert!(transactions < 200, "{transactions} transactions while no payout changed");

    HttpResponse::to(keys[0].get(&path)).await.expect_problem(429, "rate_limited");
    let refused = HttpResponse::to(keys[KEYS].get(&path)).await;
    refused.expect_problem(503, "unavailable");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(keys[0].read(&id).await["sequence"], 1, "requests without a wait are not limited");

    let began = Instant::now();
    app.watcher().await.publish([Report::broadcast(&id, "a1", 60)]).await;
    while let Some(released) = waiting.join_next().await {
        let response = released.unwrap().expect("the server responds");
        assert_eq!(response.expect(200)["sequence"], 2);
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let loaded = app.payoutd.metric("payoutd_group_commit_batch_size_sum", "kind=\"load\"").await - loads;
    assert!(loaded < 1.0, "{loaded} loads");
    assert!(app.payoutd.metric("payoutd_http_held_requests", "").await < 1.0);
}

#[tokio::test]
async fn a_resumed_stream_continues_after_the_last_event_before_a_crash() {
    let mut app = TestApp::start().await;
    let partner = app.live_partner().await;
    let mut watcher = app.watcher().await;
    let id = partner.create_payout().await;
    let mut events = EventStream::open(&partner, &id, None).await;
    watcher.publish([Report::broadcast(&id, "a1", 60), Report::progress(&id, 50)]).await;
    assert_eq!(events.take(3).await, with_prefix(&[(1, "created"), (2, "broadcast"), (3, "updated")]));

    app.payoutd.kill().await;
    assert!(events.next().await.is_none());
    watcher.publish([Report::delivered(&id, "a1")]).await;
    app.payoutd.restart().await;

    let partner: Partner = app.payoutd.reconnect(&partner);
    let mut resumed = EventStream::open(&partner, &id, Some(3)).await;
    assert_eq!(resumed.take(1).await, with_prefix(&[(4, "delivered")]));
    let mut from_start = EventStream::open(&partner, &id, Some(0)).await;
    let all = [(1, "created"), (2, "broadcast"), (3, "updated"), (4, "delivered"), (5, "failed")];
    assert_eq!(from_start.take(4).await, with_prefix(&all[..4]));

    watcher.publish([Report::reversal(&id)]).await;
    for stream in [&mut resumed, &mut from_start] {
        let (sequence, kind, payout) = stream.next().await.expect("the reversal");
        assert_eq!((sequence, kind.as_str()), (5, "payout.failed"));
        assert_eq!(payout, partner.read(&id).await, "the event equals the polled payout");
        assert!(stream.next().await.is_none(), "the stream ends after the last event");
    }
}

#[tokio::test]
async fn readers_that_resume_after_crashes_get_each_event_once() {
    const READERS: usize = 20;
    let mut app = TestApp::start().await;
    let mut watcher = app.watcher().await;
    let partner = app.live_partner().await;
    let id = partner.create_payout().await;
    let (current_partner, partners) = tokio::sync::watch::channel(partner.clone());
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        readers.spawn(read_until_failed(partners.clone(), id.clone()));
    }
    for part in 0..3 {
        // Each report has a later time than the one before, so each changes the estimate.
        let mut reports: Vec<_> = (0..20).map(|n| Report::progress(&id, 500 - 30 * part - n)).collect();
        if part == 2 {
            reports.push(Report::failed(&id, "x"));
        }
        watcher.publish(reports).await;
        tokio::time::sleep(Duration::from_millis(40)).await;
        app.payoutd.kill().await;
        app.payoutd.restart().await;
        current_partner.send_replace(app.payoutd.reconnect(&partner));
    }
    let partner = app.payoutd.reconnect(&partner);
    let newest = partner.wait_for_status(&id, "failed").await["sequence"].as_i64().unwrap();
    assert!(newest > 40, "{newest}");
    while let Some(seen) = readers.join_next().await {
        assert_eq!(seen.unwrap(), (1..=newest).collect::<Vec<_>>());
    }
}

/// Reads a stream up to the failure of the payout, and resumes it when it breaks. Returns the sequences of all events.
async fn read_until_failed(mut partners: tokio::sync::watch::Receiver<Partner>, id: String) -> Vec<i64> {
    let mut seen = Vec::new();
    loop {
        let partner = partners.borrow_and_update().clone();
        let resumed = EventStream::try_open(&partner, &id, Some(seen.last().copied().unwrap_or(0))).await;
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
async fn a_shutdown_ends_long_polls_with_a_response_and_streams_with_their_end() {
    let mut app = TestApp::start().await;
    let partner = app.live_partner().await;
    let id = partner.create_payout().await;
    let waiting = tokio::spawn(HttpResponse::to(partner.get(&format!("/payouts/{id}?wait=60"))));
    let mut events = EventStream::open(&partner, &id, None).await;
    assert_eq!(events.take(1).await, with_prefix(&[(1, "created")]));
    eventually("the long poll and the stream are open", || async {
        (app.payoutd.metric("payoutd_http_held_requests", "").await >= 2.0).then_some(())
    })
    .await;
    let began = Instant::now();
    app.payoutd.terminate().await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(waiting.await.unwrap().expect(200)["sequence"], 1);
    assert!(events.next().await.is_none());
}
