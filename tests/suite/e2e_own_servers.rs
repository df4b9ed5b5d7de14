//! Servers that go away and come back. Each test has its own: one after another, because each is heavy.

use std::time::Duration;

use serde_json::{Value, json};

use crate::e2e_happy_path::sequences;
use crate::support::{
    Answer, Delivery, Partner, PrivatePostgres, PrivateRabbit, Report, World, connect_eventually, database,
    eventually, virtual_host, within,
};

/// How long a server may be away for before the next attempt to reach it.
const BACK: Duration = Duration::from_secs(60);

#[tokio::test]
async fn own_servers_a_broker_that_restarts_costs_nothing() {
    let rabbit = PrivateRabbit::start().await;
    let world = World::start_on(database().await, rabbit.virtual_host().await, &[]).await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;
    let ids = payouts(&partner, 10).await;
    watcher.publish(ids.iter().map(|id| Report::broadcast(id, "a1", 300))).await;

    rabbit.kill().await;
    eventually("it says that it is not ready", || async {
        (world.payoutd.ready().await == 503).then_some(())
    })
    .await;
    // Partners notice nothing: what they do is kept, and told when the broker is back.
    let meanwhile = partner.payout().await;
    assert_eq!(partner.read(&meanwhile).await["status"], "pending");

    rabbit.start_again().await;
    within(BACK, "it is ready again", || async { (world.payoutd.ready().await == 200).then_some(()) }).await;
    let mut watcher = connect_eventually(&world.broker.url).await;
    let all = ids.iter().chain([&meanwhile]);
    watcher.publish(all.clone().map(|id| Report::delivered(id, "a1"))).await;
    for id in all {
        assert_eq!(sequences(&partner.until_status(id, "delivered").await), [1, 2, 3]);
    }
}

#[tokio::test]
async fn own_servers_what_happened_while_the_broker_was_away_is_told_when_it_is_back() {
    let rabbit = PrivateRabbit::start().await;
    let world = World::start_on(database().await, rabbit.virtual_host().await, &[]).await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;
    let queue = watcher.subscribe_durably("payouts", "payout.created.*").await;
    rabbit.stop().await;
    let ids = payouts(&partner, 20).await;
    rabbit.start_again().await;
    let mut watcher = connect_eventually(&world.broker.url).await;
    let mut heard = std::collections::BTreeSet::new();
    while heard.len() < ids.len() {
        let message: Value = watcher.take(&queue, 1).await.remove(0);
        heard.insert(Delivery::read(&message).subject().to_owned());
    }
    assert_eq!(heard, ids.into_iter().collect());
}

#[tokio::test]
async fn own_servers_a_database_that_restarts_costs_nothing() {
    let postgres = PrivatePostgres::start().await;
    let world = World::start_on(postgres.database().await, virtual_host().await, &[]).await;
    let partner = world.live().await;
    let mut watcher = world.watcher().await;
    let ids = payouts(&partner, 20).await;
    let quote = partner.quote_id().await;
    watcher.publish(ids.iter().map(|id| Report::broadcast(id, "a1", 300))).await;

    postgres.kill().await;
    eventually("it says that it is not ready", || async {
        (world.payoutd.ready().await == 503).then_some(())
    })
    .await;
    // Nothing is lost from the queue, and nothing is put aside, however long the database is away.
    watcher.publish(ids.iter().map(|id| Report::delivered(id, "a1"))).await;
    let execute = || partner.post("/payouts", &json!({ "quote_id": quote })).header("Idempotency-Key", "one");
    let refused = Answer::to(execute()).await;
    refused.expect_problem(503, "unavailable");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");

    postgres.start_again().await;
    within(BACK, "it is ready again", || async { (world.payoutd.ready().await == 200).then_some(()) }).await;
    for id in &ids {
        assert_eq!(sequences(&partner.until_status(id, "delivered").await), [1, 2, 3]);
    }
    assert_eq!(watcher.count("payoutd.dead-letters").await, 0);
    let answer = Answer::to(execute()).await;
    assert!([201, 410].contains(&answer.status), "the quote was not used up: {answer:?}");
    assert_eq!(answer.header("idempotent-replayed"), None, "that it failed was not the last word");
    let again = Answer::to(execute()).await;
    assert_eq!((again.status, &again.text), (answer.status, &answer.text));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
}

#[tokio::test]
async fn own_servers_a_database_that_comes_and_goes_never_doubles_a_payout() {
    let postgres = PrivatePostgres::start().await;
    let world = World::start_on(postgres.database().await, virtual_host().await, &[]).await;
    let partner = world.live().await;
    let mut quotes = Vec::new();
    for _ in 0..40 {
        quotes.push(partner.quote_id().await);
    }
    let calls: Vec<_> = quotes
        .iter()
        .map(|quote| {
            let (partner, quote) = (partner.clone(), quote.clone());
            tokio::spawn(async move { executed(&partner, &quote).await })
        })
        .collect();
    for _ in 0..3 {
        postgres.kill().await;
        postgres.start_again().await;
    }
    let mut ids = std::collections::BTreeSet::new();
    for call in calls {
        ids.insert(call.await.unwrap());
    }
    assert_eq!(ids.len(), quotes.len(), "each quote backs one payout, and each payout one quote");
    for id in &ids {
        partner.until_status(id, "pending").await;
    }
}

/// The payout of a quote: executes it until the answer says which.
async fn executed(partner: &Partner, quote: &str) -> String {
    within(BACK, "the quote is executed", || async {
        let answer = partner.execute(quote).await;
        let body = answer.json();
        let id = match answer.status {
            201 => &body["id"],
            409 => &body["payout_id"],
            503 => return None,
            _ => panic!("{answer:?}"),
        };
        Some(id.as_str().expect("a payout id").to_owned())
    })
    .await
}

async fn payouts(partner: &Partner, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(partner.payout().await);
    }
    ids
}
