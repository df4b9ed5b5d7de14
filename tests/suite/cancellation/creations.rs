//! `POST /payouts`.

use axum::Router;
use payoutd_domain::{Mode, PayoutId};
use serde_json::json;

use super::await_points::cancel_everywhere;
use super::in_process_app::InProcessApp;
use super::requests::{Reply, create_quote, get, post, send, send_until_final, unique_name};

struct Case {
    router: Router,
    external_ref: String,
    quote_id: String,
    idempotency_key: Option<String>,
}

pub(super) async fn are_cancellable(app: &InProcessApp) {
    for (operation, mode, has_key) in [
        ("POST /payouts, live", Mode::Live, false),
        ("POST /payouts with a key, live", Mode::Live, true),
        ("POST /payouts, test", Mode::Test, false),
        ("POST /payouts with a key, test", Mode::Test, true),
    ] {
        let request = |case: &Case| {
            post("/payouts", mode, case.idempotency_key.as_deref(), &json!({ "quote_id": case.quote_id }))
        };
        cancel_everywhere(
            app,
            operation,
            4,
            async || {
                let external_ref = unique_name();
                let quote_id = create_quote(app, mode, &external_ref).await;
                Case {
                    router: app.router(),
                    external_ref,
                    quote_id,
                    idempotency_key: has_key.then(unique_name),
                }
            },
            async |case| send(case.router.clone(), request(case)).await,
            async |case, output: Option<Reply>| {
                let again = send_until_final(&case.router, || request(&case)).await;
                // The caches of a new router are empty, as after a restart.
                let later = send(app.router(), request(&case)).await;
                let id = match (mode, has_key) {
                    (Mode::Live, false) => assert_one_creation(output.as_ref(), &again, &later),
                    (Mode::Live, true) | (Mode::Test, _) => {
                        assert_same_responses(output.as_ref(), &again, &later)
                    }
                };
                let of_quote = format!("SELECT count(*) FROM payouts WHERE quote_id = '{}'", case.quote_id);
                assert_eq!(app.database.query_number(&of_quote).await, 1, "one payout for the quote");
                let list = get(&format!("/payouts?external_ref={}", case.external_ref), mode);
                let listed = send(case.router, list).await.json();
                assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "{listed}");
                assert_eq!(listed["data"][0]["id"], id.to_string());
                app.assert_can_complete(id).await;
            },
        )
        .await;
    }
    app.database.assert_consistent().await;
}

/// Without a key, a call after the first successful one is refused with the id of the payout.
fn assert_one_creation(output: Option<&Reply>, again: &Reply, later: &Reply) -> PayoutId {
    assert!(later.is(409, "quote_already_used"), "{later:?}");
    let id = later.id("payout_id");
    if let Some(output) = output {
        assert_eq!((output.status, output.id("id")), (201, id), "{output:?}");
    }
    if again.status == 201 {
        assert!(output.is_none(), "the quote was executed twice: {again:?}");
        assert_eq!(again.id("id"), id);
    } else {
        assert!(again.is(409, "quote_already_used"), "{again:?}");
        assert_eq!(again.id("payout_id"), id);
    }
    id
}

/// With a key, and in the sandbox, all calls get the same response.
fn assert_same_responses(output: Option<&Reply>, again: &Reply, later: &Reply) -> PayoutId {
    for reply in output.into_iter().chain([again]) {
        assert_eq!((reply.status, &reply.bytes), (201, &later.bytes), "{reply:?}");
        assert_eq!(reply.headers["location"], later.headers["location"]);
    }
    assert_eq!(later.status, 201, "{later:?}");
    later.id("id")
}
