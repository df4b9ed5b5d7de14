//! Outages of the database and of the broker. Each test has servers of its own, so these tests run one at a time.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    HttpResponse, Partner, PrivatePostgres, PrivateRabbit, PublishedEvent, Report, TestApp,
    connect_eventually, database, eventually, timeline_sequences, virtual_host, within,
};

/// The time limit for the recovery after an outage, which includes the delay before payoutd reconnects.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn own_servers_no_report_is_lost_when_the_broker_restarts() {
    let rabbit = PrivateRabbit::start().await;
    let app = TestApp::start_on(database().await, rabbit.virtual_host().await, &[]).await;
    let partner = app.live_partner().await;
    let mut watcher = app.watcher().await;
    let ids = create_payouts(&partner, 10).await;
    watcher.publish(ids.iter().map(|id| Report::broadcast(id, "a1", 300))).await;

    rabbit.kill().await;
    eventually("payoutd is not ready", || async { (app.payoutd.readiness().await == 503).then_some(()) })
        .await;
    // Partners can create payouts during the outage. Their events are published after it.
    let created_during_outage = partner.create_payout().await;
    assert_eq!(partner.read(&created_during_outage).await["status"], "pending");

    rabbit.restart().await;
    within(RECOVERY_TIMEOUT, "payoutd is ready", || async {
        (app.payoutd.readiness().await == 200).then_some(())
    })
    .await;
    let mut watcher = connect_eventually(&app.broker.url).await;
    let all = ids.iter().chain([&created_during_outage]);
    watcher.publish(all.clone().map(|id| Report::delivered(id, "a1"))).await;
    for id in all {
        assert_eq!(timeline_sequences(&partner.wait_for_status(id, "delivered").await), [1, 2, 3]);
    }
}

#[tokio::test]
async fn own_servers_events_of_a_broker_outage_are_published_after_it() {
    let rabbit = PrivateRabbit::start().await;
    let app = TestApp::start_on(database().await, rabbit.virtual_host().await, &[]).await;
    let partner = app.live_partner().await;
    let mut watcher = app.watcher().await;
    let queue = watcher.subscribe_durably("payouts", "payout.created.*").await;
    rabbit.stop().await;
    let ids = create_payouts(&partner, 20).await;
    rabbit.restart().await;
    let mut watcher = connect_eventually(&app.broker.url).await;
    let mut received = std::collections::BTreeSet::new();
    while received.len() < ids.len() {
        let message: Value = watcher.receive(&queue, 1).await.remove(0);
        received.insert(PublishedEvent::read(&message).subject().to_owned());
    }
    assert_eq!(received, ids.into_iter().collect());
}

#[tokio::test]
async fn own_servers_no_report_is_lost_when_the_database_restarts() {
    let postgres = PrivatePostgres::start().await;
    let app = TestApp::start_on(postgres.database().await, virtual_host().await, &[]).await;
    let partner = app.live_partner().await;
    let mut watcher = app.watcher().await;
    let ids = create_payouts(&partner, 20).await;
    let quote = partner.create_quote().await;
    watcher.publish(ids.iter().map(|id| Report::broadcast(id, "a1", 300))).await;

    postgres.kill().await;
    eventually("payoutd is not ready", || async { (app.payoutd.readiness().await == 503).then_some(()) })
        .await;
    // During the outage, reports stay in the queue: none is lost and none becomes a dead letter.
    watcher.publish(ids.iter().map(|id| Report::delivered(id, "a1"))).await;
    let execute = || partner.post("/payouts", &json!({ "quote_id": quote })).header("Idempotency-Key", "one");
    let refused = HttpResponse::to(execute()).await;
    refused.expect_problem(503, "unavailable");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");

    postgres.restart().await;
    within(RECOVERY_TIMEOUT, "payoutd is ready", || async {
        (app.payoutd.readiness().await == 200).then_some(())
    })
    .await;
    for id in &ids {
        assert_eq!(timeline_sequences(&partner.wait_for_status(id, "delivered").await), [1, 2, 3]);
    }
    assert_eq!(watcher.count("payoutd.dead-letters").await, 0);
    let response = HttpResponse::to(execute()).await;
    assert!([201, 410].contains(&response.status), "the refused request did not use the quote: {response:?}");
    assert_eq!(response.header("idempotent-replayed"), None, "a failure is not stored as the response");
    let again = HttpResponse::to(execute()).await;
    assert_eq!((again.status, &again.text), (response.status, &response.text));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
}

#[tokio::test]
async fn own_servers_database_restarts_never_duplicate_a_payout() {
    let postgres = PrivatePostgres::start().await;
    let app = TestApp::start_on(postgres.database().await, virtual_host().await, &[]).await;
    let partner = app.live_partner().await;
    let mut quotes = Vec::new();
    for _ in 0..40 {
        quotes.push(partner.create_quote().await);
    }
    let calls: Vec<_> = quotes
        .iter()
        .map(|quote| {
            let (partner, quote) = (partner.clone(), quote.clone());
            tokio::spawn(async move { execute_until_known(&partner, &quote).await })
        })
        .collect();
    for _ in 0..3 {
        postgres.kill().await;
        postgres.restart().await;
    }
    let mut ids = std::collections::BTreeSet::new();
    for call in calls {
        ids.insert(call.await.unwrap());
    }
    assert_eq!(ids.len(), quotes.len(), "each quote backs one payout");
    for id in &ids {
        partner.wait_for_status(id, "pending").await;
    }
}

/// Executes a quote until a response contains the id of its payout.
async fn execute_until_known(partner: &Partner, quote: &str) -> String {
    within(RECOVERY_TIMEOUT, "the quote is executed", || async {
        let response = partner.execute(quote).await;
        let body = response.json();
        let id = match response.status {
            201 => &body["id"],
            409 => &body["payout_id"],
            503 => return None,
            _ => panic!("{response:?}"),
        };
        Some(id.as_str().expect("a payout id").to_owned())
    })
    .await
}

async fn create_payouts(partner: &Partner, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(partner.create_payout().await);
    }
    ids
}
