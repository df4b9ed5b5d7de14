use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use payoutd_actors::testing::{Call, Fault, Gate, sample};
use payoutd_domain::Mode;
use tokio::time::{Instant, timeout};

use super::test_app::{LIVE, OTHER, TestApp, TestResponse, get};
use crate::http::{ApiConfig, LongPollConfig};

async fn report(app: &TestApp, id: &str, number: &str, kind: payoutd_domain::ReportKind) {
    let report = sample::report(number, 5, kind);
    app.started.payouts.report(id.parse().unwrap(), Mode::Live, report, None).await.unwrap();
}

/// Sends `request`, runs `meanwhile` one second later, and returns the response and the time until it.
async fn poll(
    app: &TestApp,
    request: Request<Body>,
    meanwhile: impl Future<Output = ()>,
) -> (TestResponse, Duration) {
    let started_at = Instant::now();
    let polling = async {
        let response = app.send(request).await;
        (response, started_at.elapsed())
    };
    let happening = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        meanwhile.await;
    };
    tokio::join!(polling, happening).0
}

fn tagged(path: &str, tag: &str) -> Request<Body> {
    Request::get(path).header("authorization", LIVE).header("if-none-match", tag).body(Body::empty()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_poll_waits_until_the_payout_changes() {
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    for (number, query, tag) in [
        ("a", "wait=30&after_sequence=1", None),
        ("b", "wait=30", None),
        ("c", "wait=30", Some(3)),
        ("d", "wait=30&after_sequence=4", Some(1)),
    ] {
        let path = format!("/payouts/{id}?{query}");
        let request = tag.map_or_else(|| get(&path, LIVE), |tag| tagged(&path, &format!("\"{tag}\"")));
        let moves = report(&app, &id, number, sample::broadcast(&format!("0x{number}"), None));
        let (response, elapsed) = poll(&app, request, moves).await;
        assert_eq!(response.status, StatusCode::OK, "{query} {tag:?}");
        assert!((1..2).contains(&elapsed.as_secs()), "{query} {tag:?}: {elapsed:?}");
        assert_eq!(response.header("etag"), format!("\"{}\"", response.body["sequence"]));
    }
    let (response, _) = poll(&app, get(&format!("/payouts/{id}"), LIVE), async {}).await;
    assert_eq!(response.body["sequence"], 5, "every report is one change");
}

#[tokio::test(start_paused = true)]
async fn a_poll_returns_the_current_state_at_the_end_of_its_wait() {
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    let path = |query: &str| format!("/payouts/{id}?{query}");
    let (response, elapsed) = poll(&app, get(&path("wait=20"), LIVE), async {}).await;
    assert_eq!(
        (response.status, elapsed.as_secs()),
        (StatusCode::OK, 20),
        "the wait may exceed the request timeout"
    );
    assert_eq!(response.body["sequence"], 1);

    let (response, elapsed) = poll(&app, tagged(&path("wait=60"), "\"1\""), async {}).await;
    assert_eq!((response.status, elapsed.as_secs()), (StatusCode::NOT_MODIFIED, 60));
    assert_eq!((response.header("etag"), response.bytes.len()), ("\"1\"", 0));

    // The payout changes without exceeding `after_sequence`, so the poll waits until its end and returns the change.
    let moves = report(&app, &id, "a", sample::broadcast("0xa", None));
    let (response, elapsed) = poll(&app, tagged(&path("wait=10&after_sequence=7"), "\"1\""), moves).await;
    assert_eq!((response.status, elapsed.as_secs()), (StatusCode::OK, 10));
    assert_eq!(response.body["sequence"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_poll_returns_at_once_if_the_client_has_not_seen_the_newest_change() {
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    report(&app, &id, "a", sample::broadcast("0xa", None)).await;
    let path = |query: &str| format!("/payouts/{id}?{query}");
    for (request, status) in [
        (get(&path("wait=30&after_sequence=1"), LIVE), StatusCode::OK),
        (get(&path("wait=30&after_sequence=0"), LIVE), StatusCode::OK),
        (tagged(&path("wait=30"), "\"1\""), StatusCode::OK),
        (tagged(&path("wait=30&after_sequence=1"), "\"2\""), StatusCode::NOT_MODIFIED),
        (get(&path("wait=0"), LIVE), StatusCode::OK),
        (get(&path("after_sequence=2"), LIVE), StatusCode::OK),
    ] {
        let uri = request.uri().clone();
        let started_at = Instant::now();
        let response = app.send(request).await;
        assert_eq!((response.status, started_at.elapsed().as_secs()), (status, 0), "{uri}");
    }
}

#[tokio::test]
async fn a_poll_with_an_invalid_query_or_an_unknown_payout_is_refused() {
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    for (query, field) in
        [("wait=x", "wait"), ("wait=61", "wait"), ("waits=1", "waits"), ("wait=1&wait=2", "wait")]
    {
        let response = app.send(get(&format!("/payouts/{id}?{query}"), LIVE)).await;
        response.assert_problem(422, "validation_error");
        assert_eq!(response.body["field"], field);
    }
    for id in [id.as_str(), &sample::id(9).to_string()] {
        let response = app.send(get(&format!("/payouts/{id}?wait=30"), OTHER)).await;
        response.assert_problem(404, "payout_not_found");
    }
}

#[tokio::test(start_paused = true)]
async fn a_poll_returns_when_the_payout_becomes_late() {
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    let passes = async {
        app.clock.advance(Duration::from_secs(601));
        app.started.payouts.due_passed(id.parse().unwrap()).await.unwrap();
    };
    let (response, elapsed) = poll(&app, get(&format!("/payouts/{id}?wait=30"), LIVE), passes).await;
    assert_eq!((&response.body["late"], &response.body["sequence"]), (&true.into(), &2.into()));
    assert!(elapsed.as_secs() < 2, "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_a_poll_with_a_response() {
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    let request = get(&format!("/payouts/{id}?wait=60"), LIVE);
    let (response, elapsed) = poll(&app, request, async { app.shutdown_trigger.request() }).await;
    assert_eq!((response.status, &response.body["sequence"]), (StatusCode::OK, &1.into()));
    assert!(elapsed.as_secs() < 2, "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_wait_has_the_normal_time_limit() {
    let app =
        TestApp::with_config(ApiConfig { request_timeout: Duration::from_secs(2), ..Default::default() })
            .await;
    let absent = sample::id(9);
    app.journal.faults().once(Call::Load, None, Fault::HangBefore(Gate::closed()));
    let started_at = Instant::now();
    app.send(get(&format!("/payouts/{absent}"), LIVE)).await.assert_problem(503, "unavailable");
    assert_eq!(started_at.elapsed().as_secs(), 2);
}

#[tokio::test]
async fn two_thousand_polls_run_no_query_and_one_report_ends_them_all() {
    const WAITERS: usize = 2_000;
    let limits = LongPollConfig { max_held_per_key: WAITERS, ..LongPollConfig::default() };
    let app = TestApp::with_long_polls(limits).await;
    let id = app.created_payout(1).await;
    let before = app.journal.counts();
    let waiting = (0..WAITERS).map(|_| app.send(get(&format!("/payouts/{id}?wait=60"), LIVE)));
    let mut waiting = Box::pin(futures_util::future::join_all(waiting));
    assert!(timeout(Duration::from_millis(300), &mut waiting).await.is_err(), "every poll is waiting");
    assert_eq!(app.journal.counts(), before);

    app.send(get(&format!("/payouts/{id}?wait=60"), LIVE)).await.assert_problem(429, "rate_limited");
    app.send(get(&format!("/payouts/{id}?wait=0"), LIVE)).await.header("etag");

    report(&app, &id, "a", sample::broadcast("0xa", None)).await;
    let released = waiting.await;
    assert!(
        released.iter().all(|response| response.status == StatusCode::OK && response.body["sequence"] == 2)
    );
    assert_eq!(app.journal.counts().loads, before.loads);
    assert_eq!(
        app.started.payouts.subscribe(id.parse().unwrap()).subscribed_payouts(),
        1,
        "only this subscription remains"
    );
}

#[tokio::test(start_paused = true)]
async fn long_polls_are_limited_per_key_and_in_total() {
    let limits = LongPollConfig { max_held: 3, max_held_per_key: 2, ..LongPollConfig::default() };
    let app = TestApp::with_long_polls(limits).await;
    let id = app.created_payout(1).await;
    let path = format!("/payouts/{id}?wait=5");
    let held = |count: usize| futures_util::future::join_all((0..count).map(|_| app.send(get(&path, LIVE))));
    let (both, third) = tokio::join!(held(2), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        app.send(get(&path, LIVE)).await
    });
    third.assert_problem(429, "rate_limited");
    assert!(both.iter().all(|response| response.status == StatusCode::OK));
    assert!(
        held(2).await.iter().all(|response| response.status == StatusCode::OK),
        "the permits are released"
    );

    let none = LongPollConfig { max_held: 0, ..LongPollConfig::default() };
    let app = TestApp::with_long_polls(none).await;
    let id = app.created_payout(1).await;
    for path in [format!("/payouts/{id}?wait=5"), format!("/payouts/{id}/events")] {
        app.send(get(&path, LIVE)).await.assert_problem(503, "unavailable");
    }
}
