//! `GET /payouts/{id}` and `GET /payouts`.

use std::time::Duration;

use payoutd_domain::Mode;

use super::await_points::cancel_everywhere;
use super::in_process_app::InProcessApp;
use super::requests::{Reply, create_payout, create_quote, get, post, send, unique_name};

pub(super) async fn are_cancellable(app: &InProcessApp) {
    reads_of_live_actors(app).await;
    reads_of_passivated_actors(app).await;
    reads_of_overdue_payouts(app).await;
    lists(app).await;
    app.database.assert_consistent().await;
}

fn assert_same(output: Option<&Reply>, again: &Reply) {
    assert_eq!(again.status, 200, "{again:?}");
    if let Some(output) = output {
        assert_eq!((output.status, &output.bytes), (200, &again.bytes));
    }
}

async fn reads_of_live_actors(app: &InProcessApp) {
    cancel_everywhere(
        app,
        "GET /payouts/{id}, live actor",
        1,
        async || (app.router(), create_payout(app, Mode::Live).await),
        async |(router, id)| send(router.clone(), get(&format!("/payouts/{id}"), Mode::Live)).await,
        async |(_, id), output: Option<Reply>| {
            assert_same(output.as_ref(), &app.poll(id).await);
            app.assert_can_complete(id).await;
        },
    )
    .await;
}

async fn reads_of_passivated_actors(app: &InProcessApp) {
    cancel_everywhere(
        app,
        "GET /payouts/{id}, passivated actor",
        2,
        async || {
            let id = create_payout(app, Mode::Live).await;
            app.payouts.evict_all().await;
            (app.router(), id)
        },
        async |(router, id)| send(router.clone(), get(&format!("/payouts/{id}"), Mode::Live)).await,
        async |(_, id), output: Option<Reply>| {
            assert_same(output.as_ref(), &app.poll(id).await);
            app.assert_can_complete(id).await;
        },
    )
    .await;
}

/// The read records that the payout is late before it responds.
async fn reads_of_overdue_payouts(app: &InProcessApp) {
    cancel_everywhere(
        app,
        "GET /payouts/{id}, overdue",
        3,
        async || {
            let id = create_payout(app, Mode::Live).await;
            app.payouts.evict_all().await;
            app.clock.advance(Duration::from_secs(3600));
            (app.router(), id)
        },
        async |(router, id)| send(router.clone(), get(&format!("/payouts/{id}"), Mode::Live)).await,
        async |(router, id), output: Option<Reply>| {
            let again = send(router, get(&format!("/payouts/{id}"), Mode::Live)).await;
            assert_same(output.as_ref(), &again);
            assert_eq!((&again.json()["late"], &again.json()["sequence"]), (&true.into(), &2.into()));
            app.assert_can_complete(id).await;
        },
    )
    .await;
}

async fn lists(app: &InProcessApp) {
    cancel_everywhere(
        app,
        "GET /payouts",
        2,
        async || {
            let external_ref = unique_name();
            let quote_id = create_quote(app, Mode::Live, &external_ref).await;
            let body = serde_json::json!({ "quote_id": quote_id });
            let created = send(app.router(), post("/payouts", Mode::Live, None, &body));
            let id = created.await.id("id");
            app.payouts.evict_all().await;
            (app.router(), external_ref, id)
        },
        async |(router, external_ref, _)| {
            send(router.clone(), get(&format!("/payouts?external_ref={external_ref}"), Mode::Live)).await
        },
        async |(router, external_ref, id), output: Option<Reply>| {
            let list = get(&format!("/payouts?external_ref={external_ref}"), Mode::Live);
            let again = send(router, list).await;
            assert_same(output.as_ref(), &again);
            assert_eq!(again.json()["data"][0]["id"], id.to_string());
            app.assert_can_complete(id).await;
        },
    )
    .await;
}
