//! Requests that wait for a payout to move: the long poll and the stream. One may wait at a time, so a place that is not
//! given back when a request is cut off is missed by the next.

use std::time::Duration;

use axum::Router;
use http_body_util::BodyExt;
use payoutd_domain::{Mode, PayoutId, Report};
use tower::ServiceExt;

use super::cut::everywhere;
use super::house::{House, broadcast};
use super::requests::{Reply, created, get, send};

pub(super) async fn are_cut_off_everywhere(house: &House) {
    let router = house.router();
    everywhere(
        house,
        "GET /payouts/{id}?wait",
        2,
        async || (passivated(house).await, broadcast()),
        async |(id, report)| long_poll(house, &router, *id, report).await,
        async |(id, report), seen: Option<Reply>| {
            if let Some(seen) = seen {
                assert_eq!((seen.status, &seen.json()["sequence"]), (200, &2.into()), "{seen:?}");
            }
            assert_moved_once(house, id, report).await;
        },
    )
    .await;
    everywhere(
        house,
        "GET /payouts/{id}/events",
        3,
        async || (passivated(house).await, broadcast()),
        async |(id, report)| two_events(house, &router, *id, report).await,
        async |(id, report), seen| {
            if let Some(seen) = seen {
                let (one, two) = (seen.find("id: 1\n"), seen.find("id: 2\n"));
                assert!(one.is_some() && one < two, "{seen}");
            }
            assert_moved_once(house, id, report).await;
        },
    )
    .await;
    house.world.assert_whole().await;
}

/// A payout that is not in memory, so that it has to be looked up before anybody can wait for it.
async fn passivated(house: &House) -> PayoutId {
    let id = created(house, Mode::Live).await;
    house.payouts.forget_all().await;
    id
}

/// A watcher reports in a moment.
fn soon(house: &House, id: PayoutId, report: &Report) {
    let (payouts, report) = (house.payouts.clone(), report.clone());
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(3)).await;
        payouts.report(id, Mode::Live, report, None).await
    });
}

async fn long_poll(house: &House, router: &Router, id: PayoutId, report: &Report) -> Reply {
    soon(house, id, report);
    send(router.clone(), get(&format!("/payouts/{id}?wait=20&after_sequence=1"), Mode::Live)).await
}

async fn two_events(house: &House, router: &Router, id: PayoutId, report: &Report) -> String {
    soon(house, id, report);
    let request = get(&format!("/payouts/{id}/events?after_sequence=0"), Mode::Live);
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let (mut body, mut seen) = (response.into_body(), String::new());
    while !seen.contains("id: 2\n") {
        let frame = body.frame().await.expect("the stream goes on").unwrap();
        seen.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    seen
}

async fn assert_moved_once(house: &House, id: PayoutId, report: Report) {
    // Whoever waited or not: the report counts once.
    let receipt = house.payouts.report(id, Mode::Live, report, None).await.unwrap();
    assert_eq!(receipt.sequence.0, 2);
    assert_eq!(house.polled(id).await.json()["status"], "broadcast");
    house.assert_goes_on(id).await;
}
