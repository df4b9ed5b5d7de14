use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use payoutd_actors::testing::{Call, Fault, Gate, sample};
use payoutd_domain::Mode;
use tokio::time::{Instant, timeout};

use super::world::{Answer, LIVE, OTHER, World, get};
use crate::http::{ApiConfig, WaitingConfig};

async fn report(world: &World, id: &str, number: &str, kind: payoutd_domain::ReportKind) {
    let report = sample::report(number, 5, kind);
    world.started.payouts.report(id.parse().unwrap(), Mode::Live, report, None).await.unwrap();
}

/// What a poll comes to, and how long it took, while `meanwhile` happens.
async fn poll(
    world: &World,
    request: Request<Body>,
    meanwhile: impl Future<Output = ()>,
) -> (Answer, Duration) {
    let began = Instant::now();
    let polling = async {
        let answer = world.send(request).await;
        (answer, began.elapsed())
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
async fn a_poll_waits_until_the_payout_moves() {
    let world = World::new().await;
    let id = world.created(1).await;
    for (number, query, tag) in [
        ("a", "wait=30&after_sequence=1", None),
        ("b", "wait=30", None),
        ("c", "wait=30", Some(3)),
        ("d", "wait=30&after_sequence=4", Some(1)),
    ] {
        let path = format!("/payouts/{id}?{query}");
        let request = tag.map_or_else(|| get(&path, LIVE), |tag| tagged(&path, &format!("\"{tag}\"")));
        let moves = report(&world, &id, number, sample::broadcast(&format!("0x{number}"), None));
        let (answer, took) = poll(&world, request, moves).await;
        assert_eq!(answer.status, StatusCode::OK, "{query} {tag:?}");
        assert!((1..2).contains(&took.as_secs()), "{query} {tag:?}: {took:?}");
        assert_eq!(answer.header("etag"), format!("\"{}\"", answer.body["sequence"]));
    }
    let (answer, _) = poll(&world, get(&format!("/payouts/{id}"), LIVE), async {}).await;
    assert_eq!(answer.body["sequence"], 5, "each was one change");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_over_answers_with_what_there_is() {
    let world = World::new().await;
    let id = world.created(1).await;
    let path = |query: &str| format!("/payouts/{id}?{query}");
    let (answer, took) = poll(&world, get(&path("wait=20"), LIVE), async {}).await;
    assert_eq!((answer.status, took.as_secs()), (StatusCode::OK, 20), "longer than other requests may take");
    assert_eq!(answer.body["sequence"], 1);

    let (answer, took) = poll(&world, tagged(&path("wait=60"), "\"1\""), async {}).await;
    assert_eq!((answer.status, took.as_secs()), (StatusCode::NOT_MODIFIED, 60));
    assert_eq!((answer.header("etag"), answer.bytes.len()), ("\"1\"", 0));

    // Not past what was asked for, but not as it was either.
    let moves = report(&world, &id, "a", sample::broadcast("0xa", None));
    let (answer, took) = poll(&world, tagged(&path("wait=10&after_sequence=7"), "\"1\""), moves).await;
    assert_eq!((answer.status, took.as_secs()), (StatusCode::OK, 10));
    assert_eq!(answer.body["sequence"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_poll_with_news_for_its_client_does_not_wait() {
    let world = World::new().await;
    let id = world.created(1).await;
    report(&world, &id, "a", sample::broadcast("0xa", None)).await;
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
        let began = Instant::now();
        let answer = world.send(request).await;
        assert_eq!((answer.status, began.elapsed().as_secs()), (status, 0), "{uri}");
    }
}

#[tokio::test]
async fn a_poll_asks_for_what_there_is_in_the_right_words() {
    let world = World::new().await;
    let id = world.created(1).await;
    for (query, field) in
        [("wait=x", "wait"), ("wait=61", "wait"), ("waits=1", "waits"), ("wait=1&wait=2", "wait")]
    {
        let answer = world.send(get(&format!("/payouts/{id}?{query}"), LIVE)).await;
        answer.assert_problem(422, "validation_error");
        assert_eq!(answer.body["field"], field);
    }
    for id in [id.as_str(), &sample::id(9).to_string()] {
        let answer = world.send(get(&format!("/payouts/{id}?wait=30"), OTHER)).await;
        answer.assert_problem(404, "payout_not_found");
    }
}

#[tokio::test(start_paused = true)]
async fn becoming_late_is_news() {
    let world = World::new().await;
    let id = world.created(1).await;
    let passes = async {
        world.clock.advance(Duration::from_secs(601));
        world.started.payouts.due_passed(id.parse().unwrap()).await.unwrap();
    };
    let (answer, took) = poll(&world, get(&format!("/payouts/{id}?wait=30"), LIVE), passes).await;
    assert_eq!((&answer.body["late"], &answer.body["sequence"]), (&true.into(), &2.into()));
    assert!(took.as_secs() < 2, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_all_waiting_with_an_answer() {
    let world = World::new().await;
    let id = world.created(1).await;
    let request = get(&format!("/payouts/{id}?wait=60"), LIVE);
    let (answer, took) = poll(&world, request, async { world.stopper.request() }).await;
    assert_eq!((answer.status, &answer.body["sequence"]), (StatusCode::OK, &1.into()));
    assert!(took.as_secs() < 2, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn waiting_does_not_lift_the_limit_on_everything_else() {
    let world =
        World::with(ApiConfig { request_timeout: Duration::from_secs(2), ..Default::default() }).await;
    let absent = sample::id(9);
    world.journal.faults().once(Call::Load, None, Fault::HangBefore(Gate::closed()));
    let began = Instant::now();
    world.send(get(&format!("/payouts/{absent}"), LIVE)).await.assert_problem(503, "unavailable");
    assert_eq!(began.elapsed().as_secs(), 2);
}

#[tokio::test]
async fn two_thousand_wait_without_a_single_query_and_one_report_releases_them_all() {
    const WAITERS: usize = 2_000;
    let limits = WaitingConfig { max_held_per_key: WAITERS, ..WaitingConfig::default() };
    let world = World::waiting(ApiConfig::default(), limits).await;
    let id = world.created(1).await;
    let before = world.journal.counts();
    let waiting = (0..WAITERS).map(|_| world.send(get(&format!("/payouts/{id}?wait=60"), LIVE)));
    let mut waiting = Box::pin(futures_util::future::join_all(waiting));
    assert!(timeout(Duration::from_millis(300), &mut waiting).await.is_err(), "nothing happened yet");
    assert_eq!(world.journal.counts(), before);

    world.send(get(&format!("/payouts/{id}?wait=60"), LIVE)).await.assert_problem(429, "rate_limited");
    world.send(get(&format!("/payouts/{id}?wait=0"), LIVE)).await.header("etag");

    report(&world, &id, "a", sample::broadcast("0xa", None)).await;
    let released = waiting.await;
    assert!(released.iter().all(|answer| answer.status == StatusCode::OK && answer.body["sequence"] == 2));
    assert_eq!(world.journal.counts().loads, before.loads);
    assert_eq!(
        world.started.payouts.subscribe(id.parse().unwrap()).subscribed_payouts(),
        1,
        "only this one is left"
    );
}

#[tokio::test(start_paused = true)]
async fn places_for_waiting_are_limited_and_come_back() {
    let limits = WaitingConfig { max_held: 3, max_held_per_key: 2, ..WaitingConfig::default() };
    let world = World::waiting(ApiConfig::default(), limits).await;
    let id = world.created(1).await;
    let path = format!("/payouts/{id}?wait=5");
    let held =
        |count: usize| futures_util::future::join_all((0..count).map(|_| world.send(get(&path, LIVE))));
    let (both, third) = tokio::join!(held(2), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.send(get(&path, LIVE)).await
    });
    third.assert_problem(429, "rate_limited");
    assert!(both.iter().all(|answer| answer.status == StatusCode::OK));
    assert!(held(2).await.iter().all(|answer| answer.status == StatusCode::OK), "they came back");

    let none = WaitingConfig { max_held: 0, ..WaitingConfig::default() };
    let world = World::waiting(ApiConfig::default(), none).await;
    let id = world.created(1).await;
    for path in [format!("/payouts/{id}?wait=5"), format!("/payouts/{id}/events")] {
        world.send(get(&path, LIVE)).await.assert_problem(503, "unavailable");
    }
}
