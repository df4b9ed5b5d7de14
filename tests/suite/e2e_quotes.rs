//! A quote is good for one payout, of its own partner, for a while.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::Barrier;

use crate::support::{
    Answer, Delivery, Partner, Payoutd, World, allow_many_connections, eventually, parse_time,
};

#[tokio::test]
async fn of_a_thousand_concurrent_executions_of_one_quote_exactly_one_wins() {
    const CALLS: usize = 1000;
    allow_many_connections();
    let world = World::start().await;
    let partner = world.live().await;
    let mut downstream = world.watcher().await;
    let queue = downstream.subscribe("payouts", "payout.created.#").await;
    let quote = partner.quote_id().await;

    let together = Arc::new(Barrier::new(CALLS));
    let calls: Vec<_> = (0..CALLS)
        .map(|_| {
            let (partner, quote, together) = (partner.clone(), quote.clone(), Arc::clone(&together));
            tokio::spawn(async move {
                together.wait().await;
                execute_whatever_it_takes(&partner, &quote).await
            })
        })
        .collect();
    let mut won = Vec::new();
    let mut lost = Vec::new();
    for call in calls {
        let answer = call.await.unwrap();
        if answer.status == 201 {
            won.push(answer.json()["id"].clone());
        } else {
            lost.push(answer.expect_problem(409, "quote_already_used")["payout_id"].clone());
        }
    }
    assert_eq!(won.len(), 1, "{won:?}");
    assert_eq!(lost.len(), CALLS - 1);
    let told: BTreeSet<String> = lost.iter().map(ToString::to_string).collect();
    assert_eq!(told, BTreeSet::from([won[0].to_string()]), "every loser is told the one payout");

    let later = partner.execute(&quote).await.expect_problem(409, "quote_already_used");
    assert_eq!(later["payout_id"], won[0]);
    let announced = downstream.take_within(&queue, 2, 2.0).await;
    assert_eq!(announced.len(), 1, "one payout was announced: {announced:#?}");
    assert_eq!(Delivery::read(&announced[0]).event["data"]["id"], won[0]);
}

/// 503 says that the same call is safe to repeat: so it is repeated.
async fn execute_whatever_it_takes(partner: &Partner, quote: &str) -> Answer {
    eventually("an answer other than 503", || async {
        let answer = partner.execute(quote).await;
        (answer.status != 503).then_some(answer)
    })
    .await
}

#[tokio::test]
async fn many_quotes_executed_at_once_make_as_many_payouts() {
    const PAYOUTS: usize = 200;
    let world = World::start().await;
    let partner = world.live().await;
    let calls: Vec<_> = (0..PAYOUTS)
        .map(|_| {
            let partner = partner.clone();
            tokio::spawn(async move { partner.payout().await })
        })
        .collect();
    let mut ids = BTreeSet::new();
    for call in calls {
        ids.insert(call.await.unwrap());
    }
    assert_eq!(ids.len(), PAYOUTS, "no two of them are the same");
}

#[tokio::test]
async fn an_expired_quote_is_gone() {
    let world = World::start_with(&[("PAYOUTD_QUOTES__TTL_SECONDS", "1")]).await;
    let partner = world.live().await;
    let quote = partner.quote(&Partner::terms()).await.expect(200);
    let expires_at = parse_time(&quote["expires_at"]);
    eventually("the quote expires", || async {
        (time::OffsetDateTime::now_utc() > expires_at).then_some(())
    })
    .await;
    let answer = partner.execute(quote["quote_id"].as_str().unwrap()).await;
    answer.expect_problem(410, "quote_expired");
}

#[tokio::test]
async fn a_used_quote_says_so_even_after_it_has_expired() {
    let world = World::start_with(&[("PAYOUTD_QUOTES__TTL_SECONDS", "2")]).await;
    let partner = world.live().await;
    let quote = partner.quote(&Partner::terms()).await.expect(200);
    let quote_id = quote["quote_id"].as_str().unwrap();
    let created = partner.execute(quote_id).await.expect(201);
    let expires_at = parse_time(&quote["expires_at"]);
    eventually("the quote expires", || async {
        (time::OffsetDateTime::now_utc() > expires_at).then_some(())
    })
    .await;
    let problem = partner.execute(quote_id).await.expect_problem(409, "quote_already_used");
    assert_eq!(problem["payout_id"], created["id"]);
}

#[tokio::test]
async fn forged_foreign_and_unknown_quotes_are_the_same_nothing() {
    let world = World::start().await;
    let partner = world.live().await;
    let sandbox = world.payoutd.partner("acme", "test").await;
    let stranger = world.payoutd.partner("stranger", "live").await;
    let quote = partner.quote_id().await;

    let mut forged = quote.clone().into_bytes();
    let last = forged.len() - 1;
    forged[last] = if forged[last] == b'a' { b'b' } else { b'a' };
    let forged = String::from_utf8(forged).unwrap();

    let mut answers = vec![
        partner.execute(&forged).await,
        partner.execute("quo_0000000000000000").await,
        partner.execute("nonsense").await,
        stranger.execute(&quote).await,
        sandbox.execute(&quote).await,
    ];
    answers.push(partner.execute(&sandbox.quote_id().await).await);
    let mut details = BTreeSet::new();
    for answer in answers {
        let problem = answer.expect_problem(404, "quote_not_found");
        assert!(problem.get("payout_id").is_none());
        details.insert((problem["title"].to_string(), problem["detail"].to_string()));
    }
    assert_eq!(details.len(), 1, "they cannot be told apart: {details:?}");
    partner.execute(&quote).await.expect(201);
    let used_by_another = stranger.execute(&quote).await.expect_problem(404, "quote_not_found");
    assert!(used_by_another.get("payout_id").is_none(), "strangers learn nothing of a used quote");
}

#[tokio::test]
async fn a_quote_signed_with_another_key_is_forged() {
    let mut world = World::start().await;
    let partner = world.live().await;
    let quote = partner.quote_id().await;
    world.payoutd.kill().await;
    let other = world.settings.clone().with("PAYOUTD_QUOTES__SIGNING_KEY", &"0dd5".repeat(16));
    let payoutd = Payoutd::start(&other).await;
    payoutd.again(&partner).execute(&quote).await.expect_problem(404, "quote_not_found");
}

#[tokio::test]
async fn an_execution_names_its_quote_and_nothing_else() {
    let world = World::start().await;
    let partner = world.live().await;
    let quote = partner.quote_id().await;
    let meddled = partner.post("/payouts", &json!({ "quote_id": quote, "amount": "1000000" }));
    let answer = Answer::to(meddled).await;
    assert!(answer.status == 400 || answer.status == 422, "{answer:?}");
    partner.execute(&quote).await.expect(201);
}
