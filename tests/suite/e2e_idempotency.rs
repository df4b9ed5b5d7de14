//! Idempotency keys: a repeated request gets the stored response, and its effect happens once.

use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::support::{HttpResponse, Partner, TestApp, eventually, row_count, within};

async fn post(partner: &Partner, path: &str, key: &str, body: &Value) -> HttpResponse {
    HttpResponse::to(partner.post(path, body).header("Idempotency-Key", key)).await
}

fn execution_of(quote: &HttpResponse) -> Value {
    json!({ "quote_id": quote.json()["quote_id"] })
}

#[track_caller]
fn assert_same(again: &HttpResponse, first: &HttpResponse) {
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_eq!(again.header("idempotent-replayed"), Some("true"), "{again:?}");
}

#[tokio::test]
async fn stored_responses_are_the_same_after_a_restart() {
    let mut app = TestApp::start().await;
    let live = app.live_partner().await;
    let sandbox = app.payoutd.partner("acme", "test").await;
    let mut sent = Vec::new();
    for partner in [&live, &sandbox] {
        let quote = post(partner, "/payouts/quote", "q", &Partner::quote_request()).await;
        let body = execution_of(&quote);
        let payout = post(partner, "/payouts", "p", &body).await;
        payout.expect(201);
        let refused = post(partner, "/payouts", "r", &json!({ "quote_id": "quo_nowhere" })).await;
        refused.expect_problem(404, "quote_not_found");
        let hook = json!({ "url": "https://example.com/hook" });
        let endpoint = post(partner, "/webhooks", "w", &hook).await;
        endpoint.expect(201);
        sent.push((partner.clone(), quote, body, payout, refused, endpoint, hook));
    }
    let used = post(&live, "/payouts", "another", &sent[0].2).await;
    assert_eq!(used.expect_problem(409, "quote_already_used")["payout_id"], sent[0].3.json()["id"]);
    app.payoutd.kill().await;
    app.payoutd.restart().await;
    for (partner, quote, body, payout, refused, endpoint, hook) in sent {
        let partner = app.payoutd.reconnect(&partner);
        assert_same(&post(&partner, "/payouts/quote", "q", &Partner::quote_request()).await, &quote);
        assert_same(&post(&partner, "/payouts", "p", &body).await, &payout);
        let nowhere = json!({ "quote_id": "quo_nowhere" });
        assert_same(&post(&partner, "/payouts", "r", &nowhere).await, &refused);
        assert_same(&post(&partner, "/webhooks", "w", &hook).await, &endpoint);
        let conflict = post(&partner, "/payouts", "q", &body).await;
        conflict.expect_problem(409, "idempotency_conflict");
    }
    assert_eq!(row_count(&app.database_url, "payouts").await, 2);
    assert_eq!(row_count(&app.database_url, "quotes").await, 2);
    assert_eq!(row_count(&app.database_url, "webhook_endpoints").await, 2);
}

#[tokio::test]
async fn of_200_concurrent_requests_with_one_key_one_has_an_effect() {
    const CALLS: usize = 200;
    let app = TestApp::start().await;
    for (mode, effects) in [("live", 1), ("test", 2)] {
        let partner = app.payoutd.partner("acme", mode).await;
        let quotes = concurrently(&partner, CALLS, "/payouts/quote", "q", Partner::quote_request()).await;
        let payouts = concurrently(&partner, CALLS, "/payouts", "p", execution_of(&quotes)).await;
        assert_eq!((quotes.status, payouts.status), (200, 201));
        assert_eq!(row_count(&app.database_url, "quotes").await, effects);
        assert_eq!(row_count(&app.database_url, "payouts").await, effects);
    }
}

/// Sends `calls` concurrent requests with one key. Returns the one response of all calls that are not rejected as in
/// progress.
async fn concurrently(
    partner: &Partner,
    calls: usize,
    path: &'static str,
    key: &'static str,
    body: Value,
) -> HttpResponse {
    let barrier = Arc::new(Barrier::new(calls));
    let calls: Vec<_> = (0..calls)
        .map(|_| {
            let (partner, barrier, body) = (partner.clone(), Arc::clone(&barrier), body.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                post(&partner, path, key, &body).await
            })
        })
        .collect();
    let mut responses = Vec::new();
    for call in calls {
        let response = call.await.unwrap();
        if response.status == 409 {
            response.expect_problem(409, "idempotency_in_progress");
        } else {
            responses.push(response);
        }
    }
    let texts: BTreeSet<_> = responses.iter().map(|response| &response.text).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    let first = responses.iter().filter(|response| response.header("idempotent-replayed").is_none()).count();
    assert_eq!(first, 1, "one response is not a repeat");
    responses.swap_remove(0)
}

/// A partner whose server is killed and restarts on another port.
#[derive(Clone)]
struct ReconnectingPartner(Arc<RwLock<Partner>>);

impl ReconnectingPartner {
    /// Repeats a request until its response is final: neither 503 nor "in progress".
    async fn post(&self, path: &str, key: &str, body: &Value) -> HttpResponse {
        within(Duration::from_secs(90), "the request has a final response", || async {
            let partner = self.0.read().unwrap().clone();
            let request = partner.post(path, body).header("Idempotency-Key", key);
            let response = HttpResponse::try_to(request).await.ok()?;
            let is_temporary = response.status == 503 || response.text.contains("idempotency_in_progress");
            (!is_temporary).then_some(response)
        })
        .await
    }
}

/// Clients repeat each request, also after its response, while the process is killed several times.
#[tokio::test]
async fn kills_of_the_process_change_no_response() {
    const CUSTOMERS: usize = 40;
    const KILLS: u64 = 5;
    let mut app = TestApp::start().await;
    let partner = ReconnectingPartner(Arc::new(RwLock::new(app.live_partner().await)));
    let customers: Vec<_> = (0..CUSTOMERS)
        .map(|number| {
            tokio::spawn(customer(partner.clone(), number, Duration::from_millis(8 * number as u64)))
        })
        .collect();
    for kill in 0..KILLS {
        // The work that the kill interrupts differs between runs.
        tokio::time::sleep(Duration::from_millis(20 + 35 * kill)).await;
        app.payoutd.kill().await;
        app.payoutd.restart().await;
        let reconnected = app.payoutd.reconnect(&partner.0.read().unwrap().clone());
        *partner.0.write().unwrap() = reconnected;
    }
    let mut payouts = BTreeSet::new();
    for customer in customers {
        payouts.insert(customer.await.unwrap());
    }
    assert_eq!(payouts.len(), CUSTOMERS);
    assert_eq!(row_count(&app.database_url, "payouts").await, CUSTOMERS as i64, "one payout per key");
    assert_eq!(row_count(&app.database_url, "quotes").await, CUSTOMERS as i64, "one quote per key");
    assert_eq!(row_count(&app.database_url, "kept_answers").await, 2 * CUSTOMERS as i64);
}

/// Requests a quote and executes it with one key each, repeats both requests, and returns the id of the payout.
async fn customer(partner: ReconnectingPartner, number: usize, delay: Duration) -> String {
    tokio::time::sleep(delay).await;
    let request = Partner::quote_request_for(&format!("order-{number}"));
    let (quote_key, payout_key) = (format!("quote-{number}"), format!("execute-{number}"));
    let quote = partner.post("/payouts/quote", &quote_key, &request).await;
    quote.expect(200);
    let payout = partner.post("/payouts", &payout_key, &execution_of(&quote)).await;
    payout.expect(201);
    for _ in 0..10 {
        assert_same(&partner.post("/payouts/quote", &quote_key, &request).await, &quote);
        assert_same(&partner.post("/payouts", &payout_key, &execution_of(&quote)).await, &payout);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    payout.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn rate_limits_apply_to_each_key_and_to_guessed_keys() {
    let app = TestApp::start_with(&[
        ("PAYOUTD_LIMITS__WRITES_PER_SECOND", "5"),
        ("PAYOUTD_LIMITS__WRITES_BURST", "10"),
        ("PAYOUTD_LIMITS__READS_PER_SECOND", "200"),
        ("PAYOUTD_LIMITS__REFUSED_KEYS_PER_MINUTE", "5"),
    ])
    .await;
    let partner = app.live_partner().await;
    let refused = eventually("the rate limit is reached", || async {
        let response = partner.quote(&Partner::quote_request()).await;
        assert_eq!(response.header("ratelimit-policy"), Some(r#""write";q=10;w=2"#), "{response:?}");
        (response.status != 200).then_some(response)
    })
    .await;
    refused.expect_problem(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.header("ratelimit").unwrap().starts_with(r#""write";r=0;t="#), "{refused:?}");
    partner.poll("pay_x").await.expect_problem(404, "payout_not_found");
    app.payoutd.partner("acme", "live").await.quote(&Partner::quote_request()).await.expect(200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    partner.quote(&Partner::quote_request()).await.expect(200);

    let guesser = Partner::new(app.payoutd.api(), "sk_live_guess");
    let refused = eventually("the limit of guessed keys is reached", || async {
        let response = guesser.poll("pay_x").await;
        (response.status != 401).then_some(response)
    })
    .await;
    refused.expect_problem(429, "rate_limited");
    assert!(refused.header("retry-after").is_some());
    partner.poll("pay_x").await.expect_problem(404, "payout_not_found");
}
