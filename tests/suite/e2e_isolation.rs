//! What belongs to others does not exist.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::e2e_dead_letters::REASON;
use crate::support::{Answer, Message, Partner, Report, World};

#[tokio::test]
async fn unknown_foreign_and_other_mode_payouts_are_one_identical_404() {
    let world = World::start().await;
    let partner = world.live().await;
    let sandbox = world.payoutd.partner("acme", "test").await;
    let stranger = world.payoutd.partner("stranger", "live").await;
    let (mine, practice) = (partner.payout().await, sandbox.payout().await);
    partner.read(&mine).await;
    sandbox.read(&practice).await;

    let unknown = format!("pay_{}", "0".repeat(32));
    let mut answers = BTreeSet::new();
    for (who, id) in [
        (&partner, unknown.as_str()),
        (&partner, "pay_nonsense"),
        (&partner, "nonsense"),
        (&partner, practice.as_str()),
        (&sandbox, mine.as_str()),
        (&stranger, mine.as_str()),
        (&stranger, practice.as_str()),
    ] {
        answers.insert(without_request(&who.poll(id).await.expect_problem(404, "payout_not_found"), id));
    }
    assert_eq!(answers.len(), 1, "they cannot be told apart: {answers:#?}");
}

/// A problem without what tells one request from another.
fn without_request(problem: &Value, id: &str) -> String {
    let mut problem = problem.clone();
    problem["request_id"] = Value::Null;
    problem["instance"] = problem["instance"].as_str().expect("text").replace(id, "ID").into();
    problem.to_string()
}

#[tokio::test]
async fn nobody_without_a_key_gets_in() {
    let world = World::start().await;
    let partner = world.live().await;
    let id = partner.payout().await;
    let wrong = Partner::new(world.payoutd.api(), &format!("sk_live_{}", "0".repeat(64)));
    wrong.poll(&id).await.expect_problem(401, "invalid_api_key");
    wrong.quote(&Partner::terms()).await.expect_problem(401, "invalid_api_key");
    wrong.execute("quo_x").await.expect_problem(401, "invalid_api_key");
    let nobody = reqwest::Client::new().get(format!("{}/payouts/{id}", world.payoutd.api()));
    Answer::to(nobody).await.expect_problem(401, "invalid_api_key");
    let bare = reqwest::Client::new()
        .get(format!("{}/payouts/{id}", world.payoutd.api()))
        .header("Authorization", partner.key());
    Answer::to(bare).await.expect(200);
}

#[tokio::test]
async fn a_sandbox_payout_never_reaches_the_broker() {
    let world = World::start().await;
    let sandbox = world.payoutd.partner("acme", "test").await;
    let mut downstream = world.watcher().await;
    let queue = downstream.subscribe("payouts", "#").await;
    let practice = sandbox.payout().await;
    sandbox.until_status(&practice, "delivered").await;

    // What is sent later arrives later: once a real payout's message is there, the other's would be, too.
    let partner = world.live().await;
    let real = partner.payout().await;
    let first = downstream.take(&queue, 1).await;
    let event: Value = serde_json::from_str(first[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(event["subject"], json!(real), "nothing of {practice} came before");
    assert_eq!(downstream.take_within(&queue, 1, 1.0).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_chain_watcher_cannot_move_a_sandbox_payout() {
    let world = World::start().await;
    let sandbox = world.payoutd.partner("acme", "test").await;
    let mut terms = Partner::terms();
    terms["external_ref"] = json!("sandbox_stall");
    let quote = sandbox.quote(&terms).await.expect(200);
    let created = sandbox.execute(quote["quote_id"].as_str().unwrap()).await.expect(201);
    let id = created["id"].as_str().unwrap();
    let mut watcher = world.watcher().await;
    let failed = Report::failed(id, "made_up");
    watcher.publish([Message::from(failed)]).await;
    let letters = watcher.take("payoutd.dead-letters", 1).await;
    assert_eq!(letters[0]["headers"][REASON], "sandbox_payout");
    assert_ne!(sandbox.read(id).await["status"], "failed");
}
