use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use payoutd_actors::testing::{Call, Fault, Gate, sample};
use payoutd_domain::Mode;

use super::test_app::{LIVE, OTHER, TEST, TestApp, TestResponse, acme, get, other, post_json};

#[tokio::test]
async fn a_quote_becomes_a_payout_that_can_be_read() {
    let app = TestApp::new().await;
    let quote_id = app.insert_quote(1, acme(), Mode::Live);
    let created = app.create(LIVE, &quote_id).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    let id = created.body["id"].as_str().unwrap();
    assert_eq!(created.header("location"), format!("/payouts/{id}"));
    assert_eq!(created.body["quote"]["quote_id"], quote_id);
    assert_eq!(created.body["status"], "pending");
    assert_eq!(created.body["sequence"], 1);
    assert!(created.body["tracking_url"].as_str().unwrap().starts_with("https://pay.example/track/"));

    let read = app.send(get(created.header("location"), LIVE)).await;
    assert_eq!(read.status, StatusCode::OK);
    assert_eq!(read.header("etag"), "\"1\"");
    assert_eq!(read.header("cache-control"), "private, no-cache");
    assert_eq!(read.header("x-content-type-options"), "nosniff");
    for same in ["id", "status", "quote", "estimated_delivery_at", "tracking_url", "created_at", "sequence"] {
        assert_eq!(read.body[same], created.body[same], "{same}");
    }
    assert_eq!(read.body["timeline"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    let head = |path: String| {
        let request = Request::head(path).header("authorization", LIVE).body(Body::empty()).unwrap();
        app.send(request)
    };
    let full = app.send(get(&format!("/payouts/{id}"), LIVE)).await;
    let response = head(format!("/payouts/{id}")).await;
    assert_eq!((response.status, response.bytes.len()), (StatusCode::OK, 0));
    assert_eq!(response.header("content-length"), full.bytes.len().to_string());
    assert_eq!(response.header("etag"), "\"1\"");
    let missing = head("/payouts/pay_x".into()).await;
    assert_eq!((missing.status, missing.bytes.len()), (StatusCode::NOT_FOUND, 0));
    assert_eq!(missing.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn a_known_sequence_is_answered_with_304() {
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    let path = format!("/payouts/{id}");
    let ask = |tags: &'static str| {
        let request = Request::get(&path).header("authorization", LIVE).header("if-none-match", tags);
        app.send(request.body(Body::empty()).unwrap())
    };
    for tags in ["\"1\"", "W/\"1\"", "*", "\"0\", \"1\""] {
        let response = ask(tags).await;
        assert_eq!((response.status, response.bytes.len()), (StatusCode::NOT_MODIFIED, 0), "{tags}");
        assert_eq!(response.header("etag"), "\"1\"");
        assert_eq!(response.header("cache-control"), "private, no-cache");
        assert!(!response.headers.contains_key("content-type"));
    }
    let report = sample::report("r1", 5, sample::broadcast("0xa", None));
    app.started.payouts.report(id.parse().unwrap(), Mode::Live, report, None).await.unwrap();
    let response = ask("\"1\"").await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.header("etag"), "\"2\"");
    assert_eq!(response.body["sequence"], 2);
    assert_eq!(response.body["status"], "broadcast");
}

#[tokio::test]
async fn a_payout_of_another_account_is_not_found() {
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    let missing = sample::id(99).to_string();
    let normal = |response: &TestResponse, path: &str| {
        response.assert_problem(404, "payout_not_found");
        let text = String::from_utf8(response.bytes.to_vec()).unwrap();
        text.replace(response.header("x-request-id"), "R").replace(path, "P")
    };
    let upper = id.to_uppercase();
    let mut seen = Vec::new();
    for (id, key) in [
        (id.as_str(), OTHER),
        (&id, TEST),
        (&missing, LIVE),
        ("pay_x", LIVE),
        (&upper, LIVE),
        ("%ff", LIVE),
        ("..%2f", LIVE),
    ] {
        let path = format!("/payouts/{id}");
        let response = app.send(get(&path, key)).await;
        seen.push(normal(&response, &path));
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[tokio::test]
async fn concurrent_creates_with_one_quote_create_exactly_one_payout() {
    let app = TestApp::new().await;
    let quote_id = app.insert_quote(1, acme(), Mode::Live);
    let answers = futures_util::future::join_all((0..20).map(|_| app.create(LIVE, &quote_id))).await;
    let (won, lost): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|response| response.status == StatusCode::CREATED);
    assert_eq!((won.len(), lost.len()), (1, 19));
    let id = won[0].body["id"].clone();
    for response in &lost {
        response.assert_problem(409, "quote_already_used");
        assert_eq!(response.body["payout_id"], id);
    }
    // A client may repeat a request after the quote has expired or has been purged.
    app.clock.advance(Duration::from_secs(120));
    let late = app.create(LIVE, &quote_id).await;
    late.assert_problem(409, "quote_already_used");
    assert_eq!(late.body["payout_id"], id);
    app.quotes.delete_all();
    app.create(LIVE, &quote_id).await.assert_problem(409, "quote_already_used");
    app.create(OTHER, &quote_id).await.assert_problem(404, "quote_not_found");
    assert_eq!(app.journal.ids().len(), 1);
}

#[tokio::test]
async fn a_create_with_an_unusable_quote_is_refused_with_the_reason() {
    let app = TestApp::new().await;
    let theirs = app.insert_quote(1, other(), Mode::Live);
    let sandbox = app.insert_quote(2, acme(), Mode::Test);
    for quote_id in [theirs.as_str(), &sandbox, "quo_unknown", "é", "a b"] {
        let response = app.create(LIVE, quote_id).await;
        response.assert_problem(404, "quote_not_found");
        assert_eq!(response.body["field"], "quote_id");
    }
    for quote_id in [String::new(), "q".repeat(129)] {
        let response = app.create(LIVE, &quote_id).await;
        response.assert_problem(422, "validation_error");
        assert_eq!(response.body["field"], "quote_id");
    }
    let mine = app.insert_quote(3, acme(), Mode::Live);
    app.clock.advance(Duration::from_secs(60));
    app.create(LIVE, &mine).await.assert_problem(410, "quote_expired");
    app.create(LIVE, "unavailable").await.assert_problem(503, "unavailable");
    app.create(LIVE, "panic").await.assert_problem(503, "unavailable");
    assert!(app.journal.ids().is_empty());
}

#[tokio::test]
async fn repeated_sandbox_creates_return_identical_responses() {
    let app = TestApp::new().await;
    let quote_id = app.insert_quote(1, acme(), Mode::Test);
    let first = app.create(TEST, &quote_id).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let id = first.body["id"].as_str().unwrap().to_owned();
    let report = sample::report("r1", 5, sample::delivered("0xa"));
    app.started.payouts.report(id.parse().unwrap(), Mode::Test, report, None).await.unwrap();
    app.clock.advance(Duration::from_secs(30));
    let again = app.create(TEST, &quote_id).await;
    app.clock.advance(Duration::from_secs(60));
    let after_its_time = app.create(TEST, &quote_id).await;
    for repeat in [again, after_its_time] {
        assert_eq!(repeat.status, StatusCode::CREATED);
        assert_eq!(repeat.bytes, first.bytes);
        assert_eq!(repeat.header("location"), first.header("location"));
    }
    assert_eq!(app.send(get(&format!("/payouts/{id}"), TEST)).await.body["status"], "delivered");
    app.send(get(&format!("/payouts/{id}"), LIVE)).await.assert_problem(404, "payout_not_found");
}

#[tokio::test]
async fn an_unavailable_store_is_reported_and_the_repeated_request_succeeds() {
    let app = TestApp::new().await;
    let quote_id = app.insert_quote(1, acme(), Mode::Live);
    app.journal.faults().once(Call::Create, None, Fault::Unavailable);
    app.create(LIVE, &quote_id).await.assert_problem(503, "unavailable");
    assert_eq!(app.create(LIVE, &quote_id).await.status, StatusCode::CREATED);

    let second = app.insert_quote(2, acme(), Mode::Live);
    app.journal.faults().once(Call::Create, None, Fault::LoseResponse);
    assert_eq!(app.create(LIVE, &second).await.status, StatusCode::CREATED);

    app.journal.faults().once(Call::Load, None, Fault::Unavailable);
    let absent = app.send(get(&format!("/payouts/{}", sample::id(77)), LIVE)).await;
    absent.assert_problem(503, "unavailable");
}

#[tokio::test]
async fn a_creation_completes_although_the_client_disconnects() {
    let app = TestApp::new().await;
    let quote_id = app.insert_quote(1, acme(), Mode::Live);
    let gate = Gate::closed();
    app.journal.faults().once(Call::Create, None, Fault::HangBefore(gate.clone()));
    let hung_up = tokio::time::timeout(Duration::from_millis(50), app.create(LIVE, &quote_id)).await;
    assert!(hung_up.is_err());
    assert!(app.journal.ids().is_empty());
    gate.open();
    let retry = app.create(LIVE, &quote_id).await;
    retry.assert_problem(409, "quote_already_used");
    let read = app.send(get(&format!("/payouts/{}", retry.body["payout_id"].as_str().unwrap()), LIVE)).await;
    assert_eq!(read.status, StatusCode::OK);
}

#[tokio::test]
async fn a_valid_trace_context_is_stored_in_the_outbox() {
    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let app = TestApp::new().await;
    for (number, given) in [(1, VALID), (2, "00-no-context")] {
        let quote_id = app.insert_quote(number, acme(), Mode::Live);
        let mut request = post_json("/payouts", LIVE, &format!(r#"{{"quote_id":"{quote_id}"}}"#));
        request.headers_mut().insert("traceparent", given.parse().unwrap());
        assert_eq!(app.send(request).await.status, StatusCode::CREATED);
    }
    let sent: Vec<_> = app.journal.outbox().into_iter().map(|row| row.traceparent).collect();
    assert_eq!(sent[0].as_deref(), Some(VALID));
    assert_eq!(sent[1], None);
}

#[tokio::test]
async fn every_route_is_below_the_base_path() {
    let config = crate::http::ApiConfig { base_path: "/api/v1".parse().unwrap(), ..Default::default() };
    let app = TestApp::with_config(config).await;
    let quote_id = app.insert_quote(1, acme(), Mode::Live);
    app.create(LIVE, &quote_id).await.assert_problem(404, "not_found");
    let request = post_json("/api/v1/payouts", LIVE, &format!(r#"{{"quote_id":"{quote_id}"}}"#));
    let created = app.send(request).await;
    assert!(created.header("location").starts_with("/api/v1/payouts/pay_"), "{created:?}");
    assert_eq!(app.send(get(created.header("location"), LIVE)).await.status, StatusCode::OK);
}
