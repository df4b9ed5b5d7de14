use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use payoutd_actors::testing::{Call, Fault, sample};
use payoutd_domain::{Mode, PayoutId, ReportKind};
use serde_json::Value;
use tokio::time::timeout;
use tower::ServiceExt;

use super::test_app::{LIVE, OTHER, TEST, TestApp, get};
use crate::http::LongPollConfig;

struct Reader {
    body: Body,
    text: String,
}

#[derive(Debug, PartialEq)]
struct Event {
    id: i64,
    kind: String,
    data: Value,
}

impl Reader {
    async fn open(app: &TestApp, query: &str, last_event_id: Option<&str>) -> Self {
        let mut request = Request::get(query).header("authorization", LIVE);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = app.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "text/event-stream; charset=utf-8");
        assert_eq!(header("x-accel-buffering"), "no");
        assert!(header("cache-control").contains("no-store"));
        Self { body: response.into_body(), text: String::new() }
    }

    /// The next block of lines, or `None` at the end of the stream.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let frame = timeout(Duration::from_secs(3_600), self.body.frame())
                .await
                .expect("the stream sends a frame or ends")?;
            self.text.push_str(std::str::from_utf8(frame.unwrap().data_ref().unwrap()).unwrap());
        }
    }

    async fn event(&mut self) -> Option<Event> {
        loop {
            let block = self.block().await?;
            let field =
                |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let (Some(id), Some(kind), Some(data)) = (field("id: "), field("event: "), field("data: ")) {
                let data: Value = serde_json::from_str(&data).unwrap();
                assert_eq!(data["sequence"], id.parse::<i64>().unwrap());
                return Some(Event { id: id.parse().unwrap(), kind, data });
            }
            assert!(block.starts_with("retry: ") || block == ":", "{block}");
        }
    }

    async fn events(&mut self, count: usize) -> Vec<(i64, String)> {
        let mut events = Vec::new();
        for _ in 0..count {
            let event = self.event().await.expect("another event");
            events.push((event.id, event.kind));
        }
        events
    }

    /// Asserts that no event arrives within 50 ms.
    async fn assert_silent(&mut self) {
        let more = timeout(Duration::from_millis(50), self.event()).await;
        assert!(more.is_err(), "{more:?}");
    }
}

async fn report(app: &TestApp, id: &str, number: &str, kind: ReportKind) {
    let report = sample::report(number, 5, kind);
    app.started.payouts.report(id.parse().unwrap(), Mode::Live, report, None).await.unwrap();
}

fn named(events: &[(i64, &str)]) -> Vec<(i64, String)> {
    events.iter().map(|(id, kind)| (*id, format!("payout.{kind}"))).collect()
}

#[tokio::test]
async fn a_stream_sends_every_change_once_and_equals_polls() {
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    let path = format!("/payouts/{id}/events");
    let mut reader = Reader::open(&app, &path, None).await;
    let first = reader.event().await.unwrap();
    assert_eq!((first.id, first.kind.as_str()), (1, "payout.created"));
    assert_eq!(first.data, app.send(get(&format!("/payouts/{id}"), LIVE)).await.body);

    let loads = app.journal.counts().loads;
    report(&app, &id, "a", sample::delivered("0xa")).await;
    let (broadcast, delivered) = (reader.event().await.unwrap(), reader.event().await.unwrap());
    assert_eq!(
        (broadcast.id, broadcast.kind.as_str()),
        (2, "payout.broadcast"),
        "one commit has two changes"
    );
    assert_eq!(
        (&broadcast.data["status"], &broadcast.data["timeline"][1]["inferred"]),
        (&"broadcast".into(), &true.into())
    );
    assert_eq!((delivered.id, delivered.kind.as_str()), (3, "payout.delivered"));
    assert_eq!(delivered.data, app.send(get(&format!("/payouts/{id}"), LIVE)).await.body);
    assert_eq!(app.journal.counts().loads, loads, "changes during the stream run no query");

    reader.assert_silent().await;
    report(&app, &id, "b", sample::failed(true, None)).await;
    assert_eq!(reader.events(1).await, named(&[(4, "failed")]), "a delivery can be reversed");
    assert_eq!(reader.event().await, None, "the stream ends after a reversal");
}

#[tokio::test]
async fn a_stream_resumes_after_the_last_event_id() {
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    let path = format!("/payouts/{id}/events");
    report(&app, &id, "a", sample::broadcast("0xa", Some(100))).await;
    report(&app, &id, "b", sample::progress(Some(50))).await;
    app.clock.advance(Duration::from_secs(1_000));
    app.started.payouts.due_passed(id.parse().unwrap()).await.unwrap();
    report(&app, &id, "c", sample::delivered("0xa")).await;
    let all = named(&[(1, "created"), (2, "broadcast"), (3, "updated"), (4, "late"), (5, "delivered")]);
    for seen in 0..=5 {
        let missed = &all[seen..];
        let mut reader = Reader::open(&app, &path, Some(&seen.to_string())).await;
        assert_eq!(reader.events(missed.len()).await, missed, "after {seen}");
        reader.assert_silent().await;
        let mut reader = Reader::open(&app, &format!("{path}?after_sequence={seen}"), None).await;
        assert_eq!(reader.events(missed.len()).await, missed, "after_sequence={seen}");
    }
    let mut newer = Reader::open(&app, &format!("{path}?after_sequence=1"), Some("4")).await;
    assert_eq!(newer.events(1).await, all[4..], "the header takes precedence over the query");
    let mut reader = Reader::open(&app, &path, None).await;
    assert_eq!(reader.events(1).await, all[4..], "without a position, only the newest change is sent");
    let mut empty = Reader::open(&app, &path, Some("")).await;
    assert_eq!(empty.events(1).await, all[4..]);

    // A reader whose last event id is ahead of the payout gets no event until the payout passes it.
    let mut ahead = Reader::open(&app, &path, Some("6")).await;
    ahead.assert_silent().await;
    report(&app, &id, "d", sample::failed(true, None)).await;
    ahead.assert_silent().await;
}

#[tokio::test]
async fn a_slow_reader_gets_the_missed_changes_from_the_journal() {
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    let mut reader = Reader::open(&app, &format!("/payouts/{id}/events"), None).await;
    reader.events(1).await;
    report(&app, &id, "a", sample::broadcast("0xa", None)).await;
    for number in 0..40 {
        let moved = sample::progress(Some(100 + number));
        report(&app, &id, &format!("p{number}"), moved).await;
    }
    let ids: Vec<_> = reader.events(41).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, (2..=42).collect::<Vec<_>>());
    reader.assert_silent().await;
}

#[tokio::test]
async fn a_commit_with_an_unknown_outcome_is_streamed_like_any_other() {
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    let mut reader = Reader::open(&app, &format!("/payouts/{id}/events"), None).await;
    reader.events(1).await;
    let payout: PayoutId = id.parse().unwrap();
    app.journal.faults().once(Call::Append, Some(payout), Fault::LoseResponse);
    report(&app, &id, "a", sample::delivered("0xa")).await;
    assert_eq!(reader.events(2).await, named(&[(2, "broadcast"), (3, "delivered")]));

    // If the journal cannot be read, the stream ends and the client resumes it.
    app.journal.faults().once(Call::Append, Some(payout), Fault::LoseResponse);
    let failing = async {
        report(&app, &id, "b", sample::failed(true, None)).await;
        app.journal.faults().once(Call::Load, Some(payout), Fault::Unavailable);
    };
    failing.await;
    assert_eq!(reader.event().await, None);
    let mut resumed = Reader::open(&app, &format!("/payouts/{id}/events"), Some("3")).await;
    assert_eq!(resumed.events(1).await, named(&[(4, "failed")]));
    assert_eq!(resumed.event().await, None);
}

#[tokio::test]
async fn the_stream_of_a_failed_payout_ends_and_is_not_opened_again() {
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    report(&app, &id, "a", sample::failed(false, None)).await;
    let path = format!("/payouts/{id}/events");
    let mut reader = Reader::open(&app, &path, None).await;
    assert_eq!(reader.events(1).await, named(&[(2, "failed")]));
    assert_eq!(reader.event().await, None);
    for seen in ["2", "9"] {
        let mut request = get(&path, LIVE);
        request.headers_mut().insert("last-event-id", seen.parse().unwrap());
        assert_eq!(app.send(request).await.status, StatusCode::NO_CONTENT, "the client must not reconnect");
    }
}

#[tokio::test]
async fn a_stream_of_another_account_is_not_found_and_invalid_parameters_are_refused() {
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    let path = format!("/payouts/{id}/events");
    for key in [OTHER, TEST] {
        app.send(get(&path, key)).await.assert_problem(404, "payout_not_found");
    }
    app.send(get(&format!("/payouts/{}/events", sample::id(9)), LIVE))
        .await
        .assert_problem(404, "payout_not_found");
    app.send(get(&path, "sk_live_unknown")).await.assert_problem(401, "invalid_api_key");
    for (query, field) in [("after_sequence=x", "after_sequence"), ("wait=1", "wait")] {
        let response = app.send(get(&format!("{path}?{query}"), LIVE)).await;
        response.assert_problem(422, "validation_error");
        assert_eq!(response.body["field"], field);
    }
    for seen in ["x", "-1", "1.0", "1,2", " "] {
        let mut request = get(&path, LIVE);
        request.headers_mut().insert("last-event-id", seen.parse().unwrap());
        let response = app.send(request).await;
        response.assert_problem(422, "validation_error");
        assert_eq!(response.body["field"], "Last-Event-ID");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_stream_sends_heartbeats_and_ends_at_its_maximum_age() {
    let limits = LongPollConfig {
        heartbeat: Duration::from_secs(15),
        stream_age: Duration::from_secs(40),
        max_held: 1,
        max_held_per_key: 1,
    };
    let app = TestApp::with_long_polls(limits).await;
    let id = app.created_payout(1).await;
    let path = format!("/payouts/{id}/events");
    let mut reader = Reader::open(&app, &path, Some("1")).await;
    assert!(reader.block().await.unwrap().starts_with("retry: "));
    app.send(get(&path, LIVE)).await.assert_problem(429, "rate_limited");
    for _ in 0..2 {
        assert_eq!(reader.block().await.unwrap(), ":");
    }
    assert_eq!(reader.block().await, None, "the stream has reached its maximum age");
    drop(reader);

    let mut reader = Reader::open(&app, &path, None).await;
    reader.events(1).await;
    app.shutdown_trigger.request();
    assert_eq!(reader.block().await, None, "the server shuts down");
}
