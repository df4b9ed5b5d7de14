use std::collections::HashSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use payoutd_actors::testing::{Call, Fault, Gate, sample};
use payoutd_domain::Mode;
use serde_json::Value;

use super::test_app::{LIVE, OTHER, TEST, TestApp, TestResponse, acme, get};

fn ids(response: &TestResponse) -> Vec<String> {
    assert_eq!(response.status, StatusCode::OK, "{response:?}");
    let data = response.body["data"].as_array().unwrap();
    data.iter().map(|payout| payout["id"].as_str().unwrap().to_owned()).collect()
}

async fn list(app: &TestApp, query: &str) -> TestResponse {
    app.send(get(&format!("/payouts?{query}"), LIVE)).await
}

/// The ids on all pages of a list.
async fn walk(app: &TestApp, query: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = list(app, &format!("{query}{cursor}")).await;
        seen.extend(ids(&page));
        assert_eq!(page.body["has_more"], page.body["next_cursor"].is_string());
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return seen,
        }
    }
}

async fn report(app: &TestApp, id: &str, number: &str, kind: payoutd_domain::ReportKind) {
    let report = sample::report(number, 5, kind);
    app.started.payouts.report(id.parse().unwrap(), Mode::Live, report, None).await.unwrap();
}

#[tokio::test]
async fn payouts_are_listed_newest_first_in_pages() {
    let app = TestApp::new().await;
    assert_eq!(
        list(&app, "").await.body,
        serde_json::json!({ "data": [], "has_more": false, "next_cursor": null })
    );
    let mut all = Vec::new();
    for number in 1..=7 {
        all.insert(0, app.created_payout(number).await);
    }
    for limit in 1..=8 {
        assert_eq!(walk(&app, &format!("limit={limit}")).await, all, "{limit}");
    }
    let page = list(&app, "limit=3").await;
    let object = app.send(get(&format!("/payouts/{}", all[0]), LIVE)).await.body;
    assert_eq!(page.body["data"][0], object, "the same object as in a poll");
    assert_eq!(page.header("cache-control"), "no-store");

    let head = Request::head("/payouts").header("authorization", LIVE).body(Body::empty()).unwrap();
    let head = app.send(head).await;
    assert_eq!((head.status, head.bytes.len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn every_listed_payout_matches_the_filters() {
    let app = TestApp::new().await;
    let pending = app.created_payout(1).await;
    let broadcast = app.created_payout(2).await;
    let delivered = app.created_payout(3).await;
    app.clock.advance(Duration::from_secs(10));
    let failed = app.created_payout(4).await;
    report(&app, &broadcast, "a", sample::broadcast("0xa", Some(1_000))).await;
    report(&app, &delivered, "b", sample::delivered("0xb")).await;
    report(&app, &failed, "c", sample::failed(false, None)).await;
    for (status, id) in
        [("pending", &pending), ("broadcast", &broadcast), ("delivered", &delivered), ("failed", &failed)]
    {
        assert_eq!(&ids(&list(&app, &format!("status={status}")).await), std::slice::from_ref(id));
    }
    assert_eq!(ids(&list(&app, "external_ref=invoice-2").await), [broadcast.as_str()]);
    assert!(
        ids(&list(&app, "external_ref=invoice").await).is_empty(),
        "an unknown reference is not an error"
    );
    assert!(ids(&list(&app, "external_ref=invoice-2&status=failed").await).is_empty());

    let time = |id: &str| {
        let id = id.parse().unwrap();
        app.journal.row(id).unwrap().payout.created_at.to_string()
    };
    let after = ids(&list(&app, &format!("created_after={}", time(&delivered))).await);
    assert_eq!(after, [failed.clone(), delivered.clone()], "created_after is inclusive");
    let before = ids(&list(&app, &format!("created_before={}", time(&delivered))).await);
    assert_eq!(before, [broadcast.clone(), pending.clone()], "created_before is exclusive");
    let none = format!("created_after={}&created_before={}", time(&failed), time(&failed));
    assert!(ids(&list(&app, &none).await).is_empty());

    assert!(ids(&list(&app, "late=true").await).is_empty());
    // Lateness is not recorded yet. The list records it before it returns, as a poll does.
    app.clock.advance(Duration::from_secs(700));
    let late = list(&app, "late=true").await;
    assert_eq!(ids(&late), [pending.as_str()]);
    assert_eq!((&late.body["data"][0]["late"], &late.body["data"][0]["sequence"]), (&true.into(), &2.into()));
    assert_eq!(ids(&list(&app, "late=false").await), [failed, delivered, broadcast]);
    assert!(ids(&list(&app, "late=true&status=delivered").await).is_empty());
}

#[tokio::test]
async fn a_list_contains_only_the_payouts_of_its_account() {
    let app = TestApp::new().await;
    let live = app.created_payout(1).await;
    let quote_id = app.insert_quote(2, acme(), Mode::Test);
    let test = app.create(TEST, &quote_id).await.body["id"].as_str().unwrap().to_owned();
    assert_eq!(ids(&app.send(get("/payouts", LIVE)).await), [live]);
    assert_eq!(ids(&app.send(get("/payouts", TEST)).await), [test]);
    assert!(ids(&app.send(get("/payouts", OTHER)).await).is_empty());
    assert!(ids(&app.send(get("/payouts?external_ref=invoice-1", OTHER)).await).is_empty());
    app.send(get("/payouts", "sk_live_unknown")).await.assert_problem(401, "invalid_api_key");
}

#[tokio::test]
async fn a_list_with_an_invalid_query_is_refused() {
    let app = TestApp::new().await;
    let long = format!("external_ref={}", "x".repeat(256));
    for (query, field) in [
        ("status=gone", "status"),
        ("status=", "status"),
        ("status=Pending", "status"),
        ("status=pending&status=failed", "status"),
        ("external_ref=", "external_ref"),
        ("external_ref=%00", "external_ref"),
        (&long, "external_ref"),
        ("created_after=yesterday", "created_after"),
        ("created_after=2026-01-01", "created_after"),
        ("created_before=2026-01-01T00:00:00+01:00", "created_before"),
        ("late=1", "late"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=1.5", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("cursor=", "cursor"),
        ("cursor=abc", "cursor"),
        ("offset=3", "offset"),
        ("Status=failed", "Status"),
    ] {
        let response = list(&app, query).await;
        response.assert_problem(422, "validation_error");
        assert_eq!(response.body["field"], field, "{query}");
    }
    assert!(ids(&list(&app, "created_before=2026-01-01T00:00:00%2B01:00").await).is_empty());
}

#[tokio::test]
async fn a_cursor_is_accepted_for_its_own_list_only() {
    let app = TestApp::new().await;
    for number in 1..=3 {
        app.created_payout(number).await;
    }
    let page = list(&app, "limit=1&status=pending").await;
    let cursor = page.body["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(
        ids(&list(&app, &format!("limit=2&status=pending&cursor={cursor}")).await).len(),
        2,
        "the limit may change between pages"
    );
    let mut tampered = cursor.clone().into_bytes();
    tampered[5] = if tampered[5] == b'A' { b'B' } else { b'A' };
    let tampered = String::from_utf8(tampered).unwrap();
    for (query, key) in [
        (format!("cursor={cursor}"), LIVE),
        (format!("status=failed&cursor={cursor}"), LIVE),
        (format!("status=pending&late=false&cursor={cursor}"), LIVE),
        (format!("status=pending&cursor={tampered}"), LIVE),
        (format!("status=pending&cursor={cursor}"), OTHER),
        (format!("status=pending&cursor={cursor}"), TEST),
    ] {
        let response = app.send(get(&format!("/payouts?{query}"), key)).await;
        response.assert_problem(422, "validation_error");
        assert_eq!(response.body["field"], "cursor", "{query}");
    }
}

#[tokio::test]
async fn a_first_page_waits_for_pending_creations() {
    let app = TestApp::new().await;
    let first = app.created_payout(1).await;
    let gate = Gate::closed();
    app.journal.faults().once(Call::Create, None, Fault::HangBefore(gate.clone()));
    let slow = app.insert_quote(2, acme(), Mode::Live);
    let slow = app.create(LIVE, &slow);
    let (slow, ()) = tokio::join!(slow, async {
        tokio::task::yield_now().await;
        let mut listing = Box::pin(list(&app, ""));
        let early = tokio::time::timeout(Duration::from_millis(50), &mut listing).await;
        assert!(early.is_err(), "the list waits for the pending creation");
        assert!(
            ids(&app.send(get("/payouts", TEST)).await).is_empty(),
            "lists of other accounts do not wait"
        );
        gate.open();
        assert_eq!(ids(&listing.await).len(), 2);
    });
    let slow = slow.body["id"].as_str().unwrap().to_owned();
    assert_eq!(ids(&list(&app, "").await), [slow, first]);
}

#[tokio::test]
async fn paging_returns_each_payout_once_while_others_are_created() {
    let app = TestApp::new().await;
    for number in 0..30 {
        app.created_payout(number).await;
    }
    let creating = async {
        for number in 30..150 {
            app.created_payout(number).await;
        }
    };
    let walking = async {
        for _ in 0..10 {
            let before: HashSet<_> = app.journal.ids().into_iter().map(|id| id.to_string()).collect();
            let seen = walk(&app, "limit=7").await;
            let once: HashSet<_> = seen.iter().cloned().collect();
            assert_eq!(once.len(), seen.len(), "no payout is listed twice");
            assert!(before.is_subset(&once), "no payout is missing");
        }
    };
    tokio::join!(creating, walking);
}

#[tokio::test]
async fn listing_from_the_newest_known_creation_time_misses_no_payout() {
    let app = TestApp::new().await;
    let creating = futures_util::future::join_all((0..200).map(|number| {
        let app = &app;
        async move {
            tokio::time::sleep(Duration::from_millis(number % 17)).await;
            app.created_payout(number).await
        }
    }));
    let following = async {
        let mut known: HashSet<String> = HashSet::new();
        let mut newest = String::from("2026-01-01T00:00:00Z");
        while known.len() < 200 {
            let page = list(&app, &format!("limit=200&created_after={newest}")).await;
            known.extend(ids(&page));
            if let Some(Value::String(time)) =
                page.body["data"].get(0).map(|first| first["created_at"].clone())
            {
                newest = time;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let following = tokio::time::timeout(Duration::from_secs(20), following);
    let (_, followed) = tokio::join!(creating, following);
    followed.expect("the client finds every payout");
}

#[tokio::test]
async fn a_list_is_never_older_than_an_earlier_poll() {
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    let listing = async {
        for _ in 0..30 {
            let polled = app.send(get(&format!("/payouts/{id}"), LIVE)).await.body["sequence"].as_i64();
            let listed = list(&app, "").await.body["data"][0]["sequence"].as_i64();
            assert!(listed >= polled, "{listed:?} after {polled:?}");
        }
    };
    let moving = async {
        report(&app, &id, "a", sample::broadcast("0xa", None)).await;
        for number in 0..60 {
            report(&app, &id, &format!("p{number}"), sample::progress(Some(100 + number))).await;
        }
    };
    tokio::join!(listing, moving);
}

#[tokio::test]
async fn an_unavailable_store_is_reported_by_a_list() {
    let app = TestApp::new().await;
    app.created_payout(1).await;
    app.journal.faults().once(Call::Load, None, Fault::Unavailable);
    list(&app, "").await.assert_problem(503, "unavailable");
    assert_eq!(ids(&list(&app, "").await).len(), 1);
}
