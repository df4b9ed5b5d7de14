//! Long polls and event streams. The router permits one at a time, so a cancelled request that does not release its permit
//! makes the next one fail.

use std::time::Duration;

use axum::Router;
use http_body_util::BodyExt;
use payoutd_domain::{Mode, PayoutId, Report};
use tower::ServiceExt;

use super::await_points::cancel_everywhere;
use super::in_process_app::{InProcessApp, broadcast};
use super::requests::{Reply, create_payout, get, send};

pub(super) async fn are_cancellable(app: &InProcessApp) {
    let router = app.router();
    cancel_everywhere(
        app,
        "GET /payouts/{id}?wait",
        2,
        async || (passivated(app).await, broadcast()),
        async |(id, report)| long_poll(app, &router, *id, report).await,
        async |(id, report), seen: Option<Reply>| {
            if let Some(seen) = seen {
                assert_eq!((seen.status, &seen.json()["sequence"]), (200, &2.into()), "{seen:?}");
            }
            assert_changed_once(app, id, report).await;
        },
    )
    .await;
    cancel_everywhere(
        app,
        "GET /payouts/{id}/events",
        3,
        async || (passivated(app).await, broadcast()),
        async |(id, report)| two_events(app, &router, *id, report).await,
        async |(id, report), seen| {
            if let Some(seen) = seen {
                let (one, two) = (seen.find("id: 1\n"), seen.find("id: 2\n"));
                assert!(one.is_some() && one < two, "{seen}");
            }
            assert_changed_once(app, id, report).await;
        },
    )
    .await;
    app.database.assert_consistent().await;
}

/// Creates a payout and passivates its actor, so that the request first loads it from the database.
async fn passivated(app: &InProcessApp) -> PayoutId {
    let id = create_payout(app, Mode::Live).await;
    app.payouts.evict_all().await;
    id
}

/// Applies the report in three milliseconds.
fn report_later(app: &InProcessApp, id: PayoutId, report: &Report) {
    let (payouts, report) = (app.payouts.clone(), report.clone());
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(3)).await;
        payouts.report(id, Mode::Live, report, None).await
    });
}

async fn long_poll(app: &InProcessApp, router: &Router, id: PayoutId, report: &Report) -> Reply {
    report_later(app, id, report);
    send(router.clone(), get(&format!("/payouts/{id}?wait=20&after_sequence=1"), Mode::Live)).await
}

async fn two_events(app: &InProcessApp, router: &Router, id: PayoutId, report: &Report) -> String {
    report_later(app, id, report);
    let request = get(&format!("/payouts/{id}/events?after_sequence=0"), Mode::Live);
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let (mut body, mut seen) = (response.into_body(), String::new());
    while !seen.contains("id: 2\n") {
        let frame = body.frame().await.expect("the stream continues").unwrap();
        seen.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    seen
}

async fn assert_changed_once(app: &InProcessApp, id: PayoutId, report: Report) {
    // The repeated report changes nothing.
    let receipt = app.payouts.report(id, Mode::Live, report, None).await.unwrap();
    assert_eq!(receipt.sequence.0, 2);
    assert_eq!(app.poll(id).await.json()["status"], "broadcast");
    app.assert_can_complete(id).await;
}
