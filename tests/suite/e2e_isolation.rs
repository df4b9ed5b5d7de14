//! Isolation: payouts of another organisation or mode do not exist for a partner.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{DEAD_LETTER_REASON, HttpResponse, Message, Partner, Report, TestApp};

#[tokio::test]
async fn unknown_foreign_and_other_mode_payouts_get_the_same_404() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let sandbox = app.payoutd.partner("acme", "test").await;
    let stranger = app.payoutd.partner("stranger", "live").await;
    let (live_payout, test_payout) = (partner.create_payout().await, sandbox.create_payout().await);
    partner.read(&live_payout).await;
    sandbox.read(&test_payout).await;

    let unknown = format!("pay_{}", "0".repeat(32));
    let mut responses = BTreeSet::new();
    for (client, id) in [
        (&partner, unknown.as_str()),
        (&partner, "pay_nonsense"),
        (&partner, "nonsense"),
        (&partner, test_payout.as_str()),
        (&sandbox, live_payout.as_str()),
        (&stranger, live_payout.as_str()),
        (&stranger, test_payout.as_str()),
    ] {
        responses.insert(normalized(&client.poll(id).await.expect_problem(404, "payout_not_found"), id));
    }
    assert_eq!(responses.len(), 1, "the responses are equal: {responses:#?}");
}

/// A problem without the parts that depend on the request: its id and the id of the payout.
fn normalized(problem: &Value, id: &str) -> String {
    let mut problem = problem.clone();
    problem["request_id"] = Value::Null;
    problem["instance"] = problem["instance"].as_str().expect("text").replace(id, "ID").into();
    problem.to_string()
}

#[tokio::test]
async fn requests_without_a_valid_key_are_refused() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let id = partner.create_payout().await;
    let unknown_key = Partner::new(app.payoutd.api(), &format!("sk_live_{}", "0".repeat(64)));
    unknown_key.poll(&id).await.expect_problem(401, "invalid_api_key");
    unknown_key.quote(&Partner::quote_request()).await.expect_problem(401, "invalid_api_key");
    unknown_key.execute("quo_x").await.expect_problem(401, "invalid_api_key");
    let without_key = reqwest::Client::new().get(format!("{}/payouts/{id}", app.payoutd.api()));
    HttpResponse::to(without_key).await.expect_problem(401, "invalid_api_key");
    let without_scheme = reqwest::Client::new()
        .get(format!("{}/payouts/{id}", app.payoutd.api()))
        .header("Authorization", partner.key());
    HttpResponse::to(without_scheme).await.expect(200);
}

#[tokio::test]
async fn a_sandbox_payout_never_reaches_the_broker() {
    let app = TestApp::start().await;
    let sandbox = app.payoutd.partner("acme", "test").await;
    let mut downstream = app.watcher().await;
    let queue = downstream.subscribe("payouts", "#").await;
    let test_payout = sandbox.create_payout().await;
    sandbox.wait_for_status(&test_payout, "delivered").await;

    // Messages arrive in order: an event of the sandbox payout would arrive before the one of the live payout.
    let partner = app.live_partner().await;
    let live_payout = partner.create_payout().await;
    let first = downstream.receive(&queue, 1).await;
    let event: Value = serde_json::from_str(first[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(event["subject"], json!(live_payout), "no event of {test_payout} arrived");
    assert_eq!(downstream.receive_within(&queue, 1, 1.0).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_report_about_a_sandbox_payout_becomes_a_dead_letter() {
    let app = TestApp::start().await;
    let sandbox = app.payoutd.partner("acme", "test").await;
    let quote = sandbox.quote(&Partner::quote_request_for("sandbox_stall")).await.expect(200);
    let created = sandbox.execute(quote["quote_id"].as_str().unwrap()).await.expect(201);
    let id = created["id"].as_str().unwrap();
    let mut watcher = app.watcher().await;
    let failed = Report::failed(id, "made_up");
    watcher.publish([Message::from(failed)]).await;
    let dead_letters = watcher.receive("payoutd.dead-letters", 1).await;
    assert_eq!(dead_letters[0]["headers"][DEAD_LETTER_REASON], "sandbox_payout");
    assert_ne!(sandbox.read(id).await["status"], "failed");
}
