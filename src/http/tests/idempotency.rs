//! Requests with an `Idempotency-Key`: execution at most once, and replay.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::StatusCode;
use payoutd_actors::testing::{Call, Fault, Gate, sample};
use payoutd_domain::Mode;
use serde_json::json;
use tokio::sync::Barrier;

use super::test_app::{LIVE, OTHER, TEST, TestApp, TestResponse, acme, get, other, post_with_key};

const QUOTE: &str = "/payouts/quote";

fn terms(external_ref: &str) -> String {
    json!({ "external_ref": external_ref, "destination": "d", "asset": "usdt", "amount": "1" }).to_string()
}

fn order(quote_id: &str) -> String {
    json!({ "quote_id": quote_id }).to_string()
}

impl TestApp {
    async fn ask(&self, path: &str, key: &str, name: &str, body: &str) -> TestResponse {
        self.send(post_with_key(path, key, name, body)).await
    }
}

#[track_caller]
fn assert_replayed(again: &TestResponse, first: &TestResponse) {
    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes), "{again:?}");
    for header in ["location", "content-type", "cache-control"] {
        assert_eq!(again.header(header), first.header(header), "{header}");
    }
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"), "a replay has its own request id");
}

#[tokio::test]
async fn a_quote_is_issued_once_per_key() {
    let app = TestApp::new().await;
    for key in [LIVE, TEST, OTHER] {
        let first = app.ask(QUOTE, key, "k", &terms("one")).await;
        assert_eq!(first.status, StatusCode::OK);
        assert_replayed(&app.ask(QUOTE, key, "k", &terms("one")).await, &first);
        let renamed = app.ask(QUOTE, key, "K", &terms("one")).await;
        assert_ne!(renamed.bytes, first.bytes, "a request with another key is executed");
    }
    assert_eq!(app.quotes.issued(), 6, "keys of different accounts are independent");
}

#[tokio::test]
async fn a_payout_is_created_once_and_its_response_is_stored_with_it() {
    let app = TestApp::new().await;
    let (mine, theirs) = (app.insert_quote(1, acme(), Mode::Live), app.insert_quote(2, other(), Mode::Live));
    let first = app.ask("/payouts", LIVE, "k", &order(&mine)).await;
    assert_eq!(first.status, StatusCode::CREATED, "{first:?}");
    assert_replayed(&app.ask("/payouts", LIVE, "k", &order(&mine)).await, &first);
    assert_eq!(app.ask("/payouts", OTHER, "k", &order(&theirs)).await.status, StatusCode::CREATED);
    let kept = app.journal.idempotency_records();
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().any(|kept| kept.body.as_bytes() == &first.bytes[..]));
    // A request with another key is executed, and its quote is already used.
    let used = app.ask("/payouts", LIVE, "k2", &order(&mine)).await;
    used.assert_problem(409, "quote_already_used");
    assert_eq!(used.body["payout_id"], first.body["id"]);
    assert_eq!(app.journal.ids().len(), 2);
}

#[tokio::test]
async fn sandbox_creates_with_different_keys_return_the_same_response() {
    let app = TestApp::new().await;
    let quote = app.insert_quote(1, acme(), Mode::Test);
    let first = app.ask("/payouts", TEST, "k", &order(&quote)).await;
    assert_eq!(first.status, StatusCode::CREATED, "{first:?}");
    assert_replayed(&app.ask("/payouts", TEST, "k", &order(&quote)).await, &first);
    let renamed = app.ask("/payouts", TEST, "k2", &order(&quote)).await;
    assert_eq!((renamed.bytes, renamed.headers.get("idempotent-replayed")), (first.bytes, None));
}

#[tokio::test]
async fn a_key_belongs_to_one_path_and_body() {
    let app = TestApp::new().await;
    let quote = app.insert_quote(1, acme(), Mode::Live);
    app.ask(QUOTE, LIVE, "k", &terms("one")).await;
    for (path, body) in [(QUOTE, terms("two")), (QUOTE, terms("one") + " "), ("/payouts", order(&quote))] {
        app.ask(path, LIVE, "k", &body).await.assert_problem(409, "idempotency_conflict");
    }
    assert!(app.journal.ids().is_empty());
    assert_eq!(app.ask("/payouts", LIVE, "fresh", &order(&quote)).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn of_concurrent_requests_with_one_key_one_is_executed() {
    let app = Arc::new(TestApp::new().await);
    let quote = app.insert_quote(1, acme(), Mode::Live);
    for (path, key, body) in
        [(QUOTE, LIVE, terms("one")), (QUOTE, TEST, terms("one")), ("/payouts", LIVE, order(&quote))]
    {
        let together = Arc::new(Barrier::new(200));
        let name = format!("{key} {path}").replace(' ', "-");
        let calls: Vec<_> = (0..200)
            .map(|_| {
                let (app, together, name, body) =
                    (Arc::clone(&app), Arc::clone(&together), name.clone(), body.clone());
                tokio::spawn(async move {
                    together.wait().await;
                    app.ask(path, key, &name, &body).await
                })
            })
            .collect();
        let mut bodies = BTreeSet::new();
        for call in calls {
            let response = call.await.unwrap();
            if response.status == StatusCode::CONFLICT {
                response.assert_problem(409, "idempotency_in_progress");
            } else {
                assert!(response.status.is_success(), "{response:?}");
                bodies.insert(response.bytes);
            }
        }
        assert_eq!(bodies.len(), 1, "{path}");
    }
    assert_eq!(app.quotes.issued(), 2);
    assert_eq!(app.journal.ids().len(), 1);
}

#[tokio::test]
async fn a_client_that_disconnects_gets_the_response_when_it_repeats_the_request() {
    let app = Arc::new(TestApp::new().await);
    let quote = app.insert_quote(1, acme(), Mode::Live);
    let gate = Gate::closed();
    app.journal.faults().once(Call::Create, None, Fault::HangBefore(gate.clone()));
    let calling = tokio::spawn({
        let (app, body) = (Arc::clone(&app), order(&quote));
        async move { app.ask("/payouts", LIVE, "k", &body).await }
    });
    while app.journal.counts().creates == 0 {
        tokio::task::yield_now().await;
    }
    calling.abort();
    assert!(calling.await.unwrap_err().is_cancelled());
    let meanwhile = app.ask("/payouts", LIVE, "k", &order(&quote)).await;
    meanwhile.assert_problem(409, "idempotency_in_progress");
    let other = app.ask("/payouts", LIVE, "k", &order("quo_other")).await;
    other.assert_problem(409, "idempotency_conflict");
    gate.open();
    let response = loop {
        let response = app.ask("/payouts", LIVE, "k", &order(&quote)).await;
        if response.status != StatusCode::CONFLICT {
            break response;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(response.status, StatusCode::CREATED);
    assert_eq!(response.header("idempotent-replayed"), "true");
}

#[tokio::test]
async fn final_refusals_are_stored_and_replayed() {
    let app = TestApp::new().await;
    let refused = [
        (QUOTE, terms("validation"), 422),
        (QUOTE, terms("asset"), 422),
        (QUOTE, "{}".to_owned(), 422),
        ("/payouts", order("quo_nowhere"), 404),
        ("/webhooks/we_0/rotate", "{}".to_owned(), 404),
    ];
    for (number, (path, body, status)) in refused.iter().enumerate() {
        let name = format!("k{number}");
        let first = app.ask(path, LIVE, &name, body).await;
        assert_eq!(first.status, *status, "{first:?}");
        assert_eq!(first.body["request_id"], first.header("x-request-id"));
        assert_replayed(&app.ask(path, LIVE, &name, body).await, &first);
        app.ask(path, LIVE, &name, "{ }").await.assert_problem(409, "idempotency_conflict");
    }
    let quote = app.insert_quote(1, acme(), Mode::Live);
    app.clock.set(sample::at(61));
    let expired = app.ask("/payouts", LIVE, "late", &order(&quote)).await;
    expired.assert_problem(410, "quote_expired");
    assert_replayed(&app.ask("/payouts", LIVE, "late", &order(&quote)).await, &expired);
}

#[tokio::test]
async fn responses_that_are_not_final_are_not_stored() {
    let app = TestApp::new().await;
    let kept = || app.journal.idempotency_records().len();
    for body in ["", "{", "[]", "nonsense"] {
        app.ask(QUOTE, LIVE, "k", body).await.assert_problem(400, "malformed_request");
    }
    let large = "x".repeat(20_000);
    app.ask(QUOTE, LIVE, "k", &large).await.assert_problem(413, "payload_too_large");
    app.ask(QUOTE, "sk_live_nobody", "k", &terms("one")).await.assert_problem(401, "invalid_api_key");
    app.ask(QUOTE, LIVE, "k", &terms("unavailable")).await.assert_problem(503, "unavailable");
    app.ask(QUOTE, LIVE, "k", &terms("panic")).await.assert_problem(503, "unavailable");
    assert_eq!(kept(), 0);
    assert_eq!(app.ask(QUOTE, LIVE, "k", &terms("one")).await.status, StatusCode::OK);
    assert_eq!(kept(), 1);
}

#[tokio::test]
async fn a_request_that_failed_can_be_repeated() {
    let app = TestApp::new().await;
    let quote = app.insert_quote(1, acme(), Mode::Live);
    app.journal.faults().once(Call::Create, None, Fault::Unavailable);
    app.ask("/payouts", LIVE, "k", &order(&quote)).await.assert_problem(503, "unavailable");
    let made = app.ask("/payouts", LIVE, "k", &order(&quote)).await;
    assert_eq!((made.status, made.header("idempotent-replayed")), (StatusCode::CREATED, ""));

    // The commit succeeds, and every response to it is lost.
    let quote = app.insert_quote(2, acme(), Mode::Live);
    app.journal.faults().once(Call::Create, None, Fault::LoseResponse);
    app.journal.faults().times(2, Call::Create, None, Fault::LoseRequest);
    app.ask("/payouts", LIVE, "k2", &order(&quote)).await.assert_problem(503, "unavailable");
    let made = app.ask("/payouts", LIVE, "k2", &order(&quote)).await;
    assert_eq!((made.status, made.header("idempotent-replayed")), (StatusCode::CREATED, "true"));
    assert_eq!(app.journal.ids().len(), 2);
}

#[tokio::test]
async fn without_idempotency_records_nothing_is_executed() {
    let app = TestApp::new().await;
    let quote = app.insert_quote(1, acme(), Mode::Live);
    app.records_unavailable.store(true, Ordering::SeqCst);
    app.ask("/payouts", LIVE, "k", &order(&quote)).await.assert_problem(503, "unavailable");
    app.ask(QUOTE, LIVE, "k", &terms("validation")).await.assert_problem(503, "unavailable");
    assert!(app.journal.ids().is_empty());
    app.records_unavailable.store(false, Ordering::SeqCst);
    assert_eq!(app.ask("/payouts", LIVE, "k", &order(&quote)).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn an_idempotency_key_can_be_reused_after_its_ttl() {
    let app = TestApp::new().await;
    let first = app.ask(QUOTE, LIVE, "k", &terms("one")).await;
    app.clock.set(sample::at(24 * 60 * 60 - 1));
    assert_replayed(&app.ask(QUOTE, LIVE, "k", &terms("one")).await, &first);
    app.clock.set(sample::at(24 * 60 * 60));
    let next = app.ask(QUOTE, LIVE, "k", &terms("two")).await;
    assert_eq!((next.status, next.header("idempotent-replayed")), (StatusCode::OK, ""));
    assert_replayed(&app.ask(QUOTE, LIVE, "k", &terms("two")).await, &next);
}

#[tokio::test]
async fn every_webhook_post_is_executed_once_per_key() {
    let app = TestApp::new().await;
    let hook = json!({ "url": "https://webhooks.example/" }).to_string();
    let made = app.ask("/webhooks", LIVE, "make", &hook).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_replayed(&app.ask("/webhooks", LIVE, "make", &hook).await, &made);
    let listed = app.send(get("/webhooks", LIVE)).await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 1);
    let path = format!("/webhooks/{}", made.body["id"].as_str().unwrap());
    let payout = app.created_payout(1).await;
    for (action, body) in [
        ("rotate", String::new()),
        ("enable", "{}".into()),
        ("replay", json!({ "payout_id": payout }).to_string()),
        ("test", String::new()),
    ] {
        let path = format!("{path}/{action}");
        let first = app.ask(&path, LIVE, action, &body).await;
        assert!(first.status.is_success(), "{first:?}");
        assert_replayed(&app.ask(&path, LIVE, action, &body).await, &first);
    }
    let rotated = app.ask(&format!("{path}/rotate"), LIVE, "rotate", "").await;
    assert_ne!(rotated.body["secret"], made.body["secret"]);
    let same = app.ask(&format!("{path}/rotate"), LIVE, "another", "").await;
    assert_ne!(rotated.body["secret"], same.body["secret"]);
}

#[tokio::test(start_paused = true)]
async fn a_response_after_the_time_limit_is_replayed_later() {
    let app = Arc::new(TestApp::new().await);
    let quote = app.insert_quote(1, acme(), Mode::Live);
    let gate = Gate::closed();
    app.journal.faults().once(Call::Create, None, Fault::HangBefore(gate.clone()));
    app.ask("/payouts", LIVE, "k", &order(&quote)).await.assert_problem(503, "unavailable");
    app.ask("/payouts", LIVE, "k", &order(&quote)).await.assert_problem(409, "idempotency_in_progress");
    gate.open();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let response = app.ask("/payouts", LIVE, "k", &order(&quote)).await;
    assert_eq!((response.status, response.header("idempotent-replayed")), (StatusCode::CREATED, "true"));
}
