//! What operators see, and how they end it.

use serde_json::json;

use crate::support::{Answer, Payoutd, Report, Settings, World, database, eventually};

#[tokio::test]
async fn operators_see_that_it_lives_and_is_ready_and_what_it_does() {
    let world = World::start().await;
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(world.payoutd.ask_operators(path).await.status, 200, "{path}");
    }
    let partner = world.live().await;
    let id = partner.payout().await;
    world.watcher().await.publish([Report::broadcast(&id, "a1", 5)]).await;
    partner.until_status(&id, "broadcast").await;
    eventually("the report is counted", || async {
        (world.payoutd.metric("payoutd_reports_total", "broadcast").await == 1.0).then_some(())
    })
    .await;
    let scrape = world.payoutd.ask_operators("/metrics").await.text;
    for line in scrape.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        assert!(line.starts_with("payoutd_"), "{line}");
    }
    assert!(!scrape.contains(&id), "no label grows with the number of payouts");
}

#[tokio::test]
async fn partners_cannot_reach_what_is_the_operators() {
    let world = World::start().await;
    let partner = world.live().await;
    for path in ["/metrics", "/livez", "/readyz", "/ops"] {
        Answer::to(partner.get(path)).await.expect_problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_token_guards_the_operators_listener_where_it_is_set() {
    let world = World::start_with(&[("PAYOUTD_OPS__TOKEN", "a-token-for-operators-only")]).await;
    let without = world.payoutd.ask_operators("/metrics").await;
    assert_eq!(without.status, 401, "{without:?}");
    let wrong = world.payoutd.operators_request("/metrics").bearer_auth("a-token-for-nobody");
    assert_eq!(Answer::to(wrong).await.status, 401);
    let right = world.payoutd.operators_request("/metrics").bearer_auth("a-token-for-operators-only");
    assert_eq!(Answer::to(right).await.status, 200);
}

#[tokio::test]
async fn sigterm_ends_it_with_exit_code_0() {
    let mut world = World::start().await;
    let partner = world.live().await;
    let id = partner.payout().await;
    world.payoutd.terminate().await;
    world.payoutd.start_again().await;
    assert_eq!(world.payoutd.again(&partner).read(&id).await["status"], "pending");
}

#[tokio::test]
async fn without_its_broker_it_lives_and_is_not_ready() {
    let nowhere = Settings::new(&database().await, "amqp://127.0.0.1:9");
    let payoutd = Payoutd::start_unready(&nowhere).await;
    assert_eq!(payoutd.ask_operators("/livez").await.status, 200);
    assert_eq!(payoutd.ready().await, 503);
}

#[tokio::test]
async fn what_it_logs_holds_no_secrets() {
    let world = World::start().await;
    let partner = world.live().await;
    let id = partner.payout().await;
    let tracking_url = partner.read(&id).await["tracking_url"].clone();
    let token = tracking_url.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let log = world.payoutd.log();
    let database = world.database_url.split(['@', ':']).nth(2).unwrap();
    for secret in [partner.key(), &token, database, &"5eed".repeat(16)] {
        assert!(!log.contains(secret), "{log}");
    }
    assert_ne!(json!(log), json!(""));
}
