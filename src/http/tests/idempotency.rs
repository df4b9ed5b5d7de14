//! The same request twice is one request.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::StatusCode;
use payoutd_actors::testing::{Call, Fault, Gate, sample};
use payoutd_domain::Mode;
use serde_json::json;
use tokio::sync::Barrier;

use super::world::{Answer, LIVE, OTHER, TEST, World, acme, get, other, post_named};

const QUOTE: &str = "/payouts/quote";

fn terms(external_ref: &str) -> String {
    json!({ "external_ref": external_ref, "destination": "d", "asset": "usdt", "amount": "1" }).to_string()
}

fn order(quote_id: &str) -> String {
    json!({ "quote_id": quote_id }).to_string()
}

impl World {
    async fn ask(&self, path: &str, key: &str, name: &str, body: &str) -> Answer {
        self.send(post_named(path, key, name, body)).await
    }
}

#[track_caller]
fn assert_replayed(again: &Answer, first: &Answer) {
    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes), "{again:?}");
    for header in ["location", "content-type", "cache-control"] {
        assert_eq!(again.header(header), first.header(header), "{header}");
    }
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"), "it is a request of its own");
}

#[tokio::test]
async fn a_quote_is_given_once() {
    let world = World::new().await;
    for key in [LIVE, TEST, OTHER] {
        let first = world.ask(QUOTE, key, "k", &terms("one")).await;
        assert_eq!(first.status, StatusCode::OK);
        assert_replayed(&world.ask(QUOTE, key, "k", &terms("one")).await, &first);
        let renamed = world.ask(QUOTE, key, "K", &terms("one")).await;
        assert_ne!(renamed.bytes, first.bytes, "another key is another request");
    }
    assert_eq!(
        world.quoting.given.load(Ordering::SeqCst),
        6,
        "each organisation and mode has keys of its own"
    );
}

#[tokio::test]
async fn a_payout_is_made_once_and_its_answer_kept_with_it() {
    let world = World::new().await;
    let (mine, theirs) = (world.give_quote(1, acme(), Mode::Live), world.give_quote(2, other(), Mode::Live));
    let first = world.ask("/payouts", LIVE, "k", &order(&mine)).await;
    assert_eq!(first.status, StatusCode::CREATED, "{first:?}");
    assert_replayed(&world.ask("/payouts", LIVE, "k", &order(&mine)).await, &first);
    assert_eq!(world.ask("/payouts", OTHER, "k", &order(&theirs)).await.status, StatusCode::CREATED);
    let kept = world.journal.idempotency_records();
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().any(|kept| kept.body.as_bytes() == &first.bytes[..]));
    // Another key is another request, and the quote is used.
    let used = world.ask("/payouts", LIVE, "k2", &order(&mine)).await;
    used.assert_problem(409, "quote_already_used");
    assert_eq!(used.body["payout_id"], first.body["id"]);
    assert_eq!(world.journal.ids().len(), 2);
}

#[tokio::test]
async fn a_sandbox_payout_answers_the_same_with_and_without_a_key() {
    let world = World::new().await;
    let quote = world.give_quote(1, acme(), Mode::Test);
    let first = world.ask("/payouts", TEST, "k", &order(&quote)).await;
    assert_eq!(first.status, StatusCode::CREATED, "{first:?}");
    assert_replayed(&world.ask("/payouts", TEST, "k", &order(&quote)).await, &first);
    let renamed = world.ask("/payouts", TEST, "k2", &order(&quote)).await;
    assert_eq!((renamed.bytes, renamed.headers.get("idempotent-replayed")), (first.bytes, None));
}

#[tokio::test]
async fn a_key_belongs_to_one_path_and_body() {
    let world = World::new().await;
    let quote = world.give_quote(1, acme(), Mode::Live);
    world.ask(QUOTE, LIVE, "k", &terms("one")).await;
    for (path, body) in [(QUOTE, terms("two")), (QUOTE, terms("one") + " "), ("/payouts", order(&quote))] {
        world.ask(path, LIVE, "k", &body).await.assert_problem(409, "idempotency_conflict");
    }
    assert!(world.journal.ids().is_empty());
    assert_eq!(world.ask("/payouts", LIVE, "fresh", &order(&quote)).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn of_many_at_once_one_works_and_all_others_get_its_answer_or_wait() {
    let world = Arc::new(World::new().await);
    let quote = world.give_quote(1, acme(), Mode::Live);
    for (path, key, body) in
        [(QUOTE, LIVE, terms("one")), (QUOTE, TEST, terms("one")), ("/payouts", LIVE, order(&quote))]
    {
        let together = Arc::new(Barrier::new(200));
        let name = format!("{key} {path}").replace(' ', "-");
        let calls: Vec<_> = (0..200)
            .map(|_| {
                let (world, together, name, body) =
                    (Arc::clone(&world), Arc::clone(&together), name.clone(), body.clone());
                tokio::spawn(async move {
                    together.wait().await;
                    world.ask(path, key, &name, &body).await
                })
            })
            .collect();
        let mut bodies = BTreeSet::new();
        for call in calls {
            let answer = call.await.unwrap();
            if answer.status == StatusCode::CONFLICT {
                answer.assert_problem(409, "idempotency_in_progress");
            } else {
                assert!(answer.status.is_success(), "{answer:?}");
                bodies.insert(answer.bytes);
            }
        }
        assert_eq!(bodies.len(), 1, "{path}");
    }
    assert_eq!(world.quoting.given.load(Ordering::SeqCst), 2);
    assert_eq!(world.journal.ids().len(), 1);
}

#[tokio::test]
async fn a_client_that_hangs_up_gets_the_answer_when_it_comes_back() {
    let world = Arc::new(World::new().await);
    let quote = world.give_quote(1, acme(), Mode::Live);
    let gate = Gate::closed();
    world.journal.faults().once(Call::Create, None, Fault::HangBefore(gate.clone()));
    let calling = tokio::spawn({
        let (world, body) = (Arc::clone(&world), order(&quote));
        async move { world.ask("/payouts", LIVE, "k", &body).await }
    });
    while world.journal.counts().creates == 0 {
        tokio::task::yield_now().await;
    }
    calling.abort();
    assert!(calling.await.unwrap_err().is_cancelled());
    let meanwhile = world.ask("/payouts", LIVE, "k", &order(&quote)).await;
    meanwhile.assert_problem(409, "idempotency_in_progress");
    let other = world.ask("/payouts", LIVE, "k", &order("quo_other")).await;
    other.assert_problem(409, "idempotency_conflict");
    gate.open();
    let answer = loop {
        let answer = world.ask("/payouts", LIVE, "k", &order(&quote)).await;
        if answer.status != StatusCode::CONFLICT {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.header("idempotent-replayed"), "true");
}

#[tokio::test]
async fn refusals_are_kept_word_for_word() {
    let world = World::new().await;
    let refused = [
        (QUOTE, terms("validation"), 422),
        (QUOTE, terms("asset"), 422),
        (QUOTE, "{}".to_owned(), 422),
        ("/payouts", order("quo_nowhere"), 404),
        ("/webhooks/we_0/rotate", "{}".to_owned(), 404),
    ];
    for (number, (path, body, status)) in refused.iter().enumerate() {
        let name = format!("k{number}");
        let first = world.ask(path, LIVE, &name, body).await;
        assert_eq!(first.status, *status, "{first:?}");
        assert_eq!(first.body["request_id"], first.header("x-request-id"));
        assert_replayed(&world.ask(path, LIVE, &name, body).await, &first);
        world.ask(path, LIVE, &name, "{ }").await.assert_problem(409, "idempotency_conflict");
    }
    let quote = world.give_quote(1, acme(), Mode::Live);
    world.clock.set(sample::at(61));
    let expired = world.ask("/payouts", LIVE, "late", &order(&quote)).await;
    expired.assert_problem(410, "quote_expired");
    assert_replayed(&world.ask("/payouts", LIVE, "late", &order(&quote)).await, &expired);
}

#[tokio::test]
async fn what_says_nothing_of_the_request_is_not_kept() {
    let world = World::new().await;
    let kept = || world.journal.idempotency_records().len();
    for body in ["", "{", "[]", "nonsense"] {
        world.ask(QUOTE, LIVE, "k", body).await.assert_problem(400, "malformed_request");
    }
    let large = "x".repeat(20_000);
    world.ask(QUOTE, LIVE, "k", &large).await.assert_problem(413, "payload_too_large");
    world.ask(QUOTE, "sk_live_nobody", "k", &terms("one")).await.assert_problem(401, "invalid_api_key");
    world.ask(QUOTE, LIVE, "k", &terms("unavailable")).await.assert_problem(503, "unavailable");
    world.ask(QUOTE, LIVE, "k", &terms("panic")).await.assert_problem(503, "unavailable");
    assert_eq!(kept(), 0);
    assert_eq!(world.ask(QUOTE, LIVE, "k", &terms("one")).await.status, StatusCode::OK);
    assert_eq!(kept(), 1);
}

#[tokio::test]
async fn a_failure_is_not_the_last_word() {
    let world = World::new().await;
    let quote = world.give_quote(1, acme(), Mode::Live);
    world.journal.faults().once(Call::Create, None, Fault::Unavailable);
    world.ask("/payouts", LIVE, "k", &order(&quote)).await.assert_problem(503, "unavailable");
    let made = world.ask("/payouts", LIVE, "k", &order(&quote)).await;
    assert_eq!((made.status, made.header("idempotent-replayed")), (StatusCode::CREATED, ""));

    // The commit came through, and nobody heard of it.
    let quote = world.give_quote(2, acme(), Mode::Live);
    world.journal.faults().once(Call::Create, None, Fault::LoseResponse);
    world.journal.faults().times(2, Call::Create, None, Fault::LoseRequest);
    world.ask("/payouts", LIVE, "k2", &order(&quote)).await.assert_problem(503, "unavailable");
    let made = world.ask("/payouts", LIVE, "k2", &order(&quote)).await;
    assert_eq!((made.status, made.header("idempotent-replayed")), (StatusCode::CREATED, "true"));
    assert_eq!(world.journal.ids().len(), 2);
}

#[tokio::test]
async fn without_memory_nothing_is_done() {
    let world = World::new().await;
    let quote = world.give_quote(1, acme(), Mode::Live);
    world.answers_down.store(true, Ordering::SeqCst);
    world.ask("/payouts", LIVE, "k", &order(&quote)).await.assert_problem(503, "unavailable");
    world.ask(QUOTE, LIVE, "k", &terms("validation")).await.assert_problem(503, "unavailable");
    assert!(world.journal.ids().is_empty());
    world.answers_down.store(false, Ordering::SeqCst);
    assert_eq!(world.ask("/payouts", LIVE, "k", &order(&quote)).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_key_is_free_again_after_a_day_and_not_before() {
    let world = World::new().await;
    let first = world.ask(QUOTE, LIVE, "k", &terms("one")).await;
    world.clock.set(sample::at(24 * 60 * 60 - 1));
    assert_replayed(&world.ask(QUOTE, LIVE, "k", &terms("one")).await, &first);
    world.clock.set(sample::at(24 * 60 * 60));
    let next = world.ask(QUOTE, LIVE, "k", &terms("two")).await;
    assert_eq!((next.status, next.header("idempotent-replayed")), (StatusCode::OK, ""));
    assert_replayed(&world.ask(QUOTE, LIVE, "k", &terms("two")).await, &next);
}

#[tokio::test]
async fn every_post_of_the_webhooks_is_done_once() {
    let world = World::new().await;
    let hook = json!({ "url": "https://webhooks.example/" }).to_string();
    let made = world.ask("/webhooks", LIVE, "make", &hook).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_replayed(&world.ask("/webhooks", LIVE, "make", &hook).await, &made);
    let listed = world.send(get("/webhooks", LIVE)).await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 1);
    let path = format!("/webhooks/{}", made.body["id"].as_str().unwrap());
    let payout = world.created(1).await;
    for (action, body) in [
        ("rotate", String::new()),
        ("enable", "{}".into()),
        ("replay", json!({ "payout_id": payout }).to_string()),
        ("test", String::new()),
    ] {
        let path = format!("{path}/{action}");
        let first = world.ask(&path, LIVE, action, &body).await;
        assert!(first.status.is_success(), "{first:?}");
        assert_replayed(&world.ask(&path, LIVE, action, &body).await, &first);
    }
    let rotated = world.ask(&format!("{path}/rotate"), LIVE, "rotate", "").await;
    assert_ne!(rotated.body["secret"], made.body["secret"]);
    let same = world.ask(&format!("{path}/rotate"), LIVE, "another", "").await;
    assert_ne!(rotated.body["secret"], same.body["secret"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_took_too_long_is_there_later() {
    let world = Arc::new(World::new().await);
    let quote = world.give_quote(1, acme(), Mode::Live);
    let gate = Gate::closed();
    world.journal.faults().once(Call::Create, None, Fault::HangBefore(gate.clone()));
    world.ask("/payouts", LIVE, "k", &order(&quote)).await.assert_problem(503, "unavailable");
    world.ask("/payouts", LIVE, "k", &order(&quote)).await.assert_problem(409, "idempotency_in_progress");
    gate.open();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let answer = world.ask("/payouts", LIVE, "k", &order(&quote)).await;
    assert_eq!((answer.status, answer.header("idempotent-replayed")), (StatusCode::CREATED, "true"));
}
