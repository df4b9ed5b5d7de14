//! Quotes: each backs at most one payout, of the account that requested it, until it expires.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Barrier;

use crate::support::{
    HttpResponse, Partner, Payoutd, PublishedEvent, TestApp, allow_many_connections, eventually, parse_time,
};

#[tokio::test]
async fn of_1000_concurrent_executions_of_a_quote_exactly_one_succeeds() {
    const CALLS: usize = 1000;
    allow_many_connections();
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let mut downstream = app.watcher().await;
    let queue = downstream.subscribe("payouts", "payout.created.#").await;
    let quote = partner.create_quote().await;

    let barrier = Arc::new(Barrier::new(CALLS));
    let calls: Vec<_> = (0..CALLS)
        .map(|_| {
            let (partner, quote, barrier) = (partner.clone(), quote.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                execute_until_available(&partner, &quote).await
            })
        })
        .collect();
    let mut created = Vec::new();
    let mut refused = Vec::new();
    for call in calls {
        let response = call.await.unwrap();
        if response.status == 201 {
            created.push(response.json()["id"].clone());
        } else {
            refused.push(response.expect_problem(409, "quote_already_used")["payout_id"].clone());
        }
    }
    assert_eq!(created.len(), 1, "{created:?}");
    assert_eq!(refused.len(), CALLS - 1);
    let named: BTreeSet<String> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(named, BTreeSet::from([created[0].to_string()]), "each refusal names the payout");

    let later = partner.execute(&quote).await.expect_problem(409, "quote_already_used");
    assert_eq!(later["payout_id"], created[0]);
    let events = downstream.receive_within(&queue, 2, 2.0).await;
    assert_eq!(events.len(), 1, "one payout.created event: {events:#?}");
    assert_eq!(PublishedEvent::read(&events[0]).event["data"]["id"], created[0]);
}

/// Executes a quote, and repeats the request as long as the response is 503.
async fn execute_until_available(partner: &Partner, quote: &str) -> HttpResponse {
    eventually("the response is not 503", || async {
        let response = partner.execute(quote).await;
        (response.status != 503).then_some(response)
    })
    .await
}

#[tokio::test]
async fn concurrent_executions_of_different_quotes_create_one_payout_each() {
    const PAYOUTS: usize = 200;
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let calls: Vec<_> = (0..PAYOUTS)
        .map(|_| {
            let partner = partner.clone();
            tokio::spawn(async move { partner.create_payout().await })
        })
        .collect();
    let mut ids = BTreeSet::new();
    for call in calls {
        ids.insert(call.await.unwrap());
    }
    assert_eq!(ids.len(), PAYOUTS, "the ids are distinct");
}

#[tokio::test]
async fn a_used_quote_is_refused_as_used_after_it_expires() {
    let app = TestApp::start_with(&[("PAYOUTD_QUOTES__TTL_SECONDS", "2")]).await;
    let partner = app.live_partner().await;
    let quote = partner.quote(&Partner::quote_request()).await.expect(200);
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
async fn forged_foreign_and_unknown_quotes_get_the_same_404() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let sandbox = app.payoutd.partner("acme", "test").await;
    let stranger = app.payoutd.partner("stranger", "live").await;
    let quote = partner.create_quote().await;

    let mut forged = quote.clone().into_bytes();
    let last = forged.len() - 1;
    forged[last] = if forged[last] == b'a' { b'b' } else { b'a' };
    let forged = String::from_utf8(forged).unwrap();

    let mut responses = vec![
        partner.execute(&forged).await,
        partner.execute("quo_0000000000000000").await,
        partner.execute("nonsense").await,
        stranger.execute(&quote).await,
        sandbox.execute(&quote).await,
    ];
    responses.push(partner.execute(&sandbox.create_quote().await).await);
    let mut details = BTreeSet::new();
    for response in responses {
        let problem = response.expect_problem(404, "quote_not_found");
        assert!(problem.get("payout_id").is_none());
        details.insert((problem["title"].to_string(), problem["detail"].to_string()));
    }
    assert_eq!(details.len(), 1, "the responses are equal: {details:?}");
    partner.execute(&quote).await.expect(201);
    let used = stranger.execute(&quote).await.expect_problem(404, "quote_not_found");
    assert!(used.get("payout_id").is_none(), "the response does not reveal that the quote is used");
}

#[tokio::test]
async fn a_quote_with_the_signature_of_another_key_is_refused() {
    let mut app = TestApp::start().await;
    let partner = app.live_partner().await;
    let quote = partner.create_quote().await;
    app.payoutd.kill().await;
    let other = app.settings.clone().with("PAYOUTD_QUOTES__SIGNING_KEY", &"0dd5".repeat(16));
    let payoutd = Payoutd::start(&other).await;
    payoutd.reconnect(&partner).execute(&quote).await.expect_problem(404, "quote_not_found");
}
