//! `POST /payouts/quote`.

use payoutd_domain::Mode;
use serde_json::json;

use super::await_points::cancel_everywhere;
use super::in_process_app::InProcessApp;
use super::requests::{Reply, post, quote_request, send, send_until_final, unique_name};

pub(super) async fn are_cancellable(app: &InProcessApp) {
    for (operation, mode) in
        [("POST /payouts/quote, live", Mode::Live), ("POST /payouts/quote, test", Mode::Test)]
    {
        let request = |name: &str| post("/payouts/quote", mode, Some(name), &quote_request(name));
        cancel_everywhere(
            app,
            operation,
            4,
            async || (app.router(), unique_name()),
            async |(router, name)| send(router.clone(), request(name)).await,
            async |(router, name), output: Option<Reply>| {
                let first = send_until_final(&router, || request(&name)).await;
                assert_eq!(first.status, 200, "{first:?}");
                if let Some(output) = output {
                    assert_eq!((output.status, &output.bytes), (200, &first.bytes));
                }
                let again = send(app.router(), request(&name)).await;
                assert_eq!((again.status, &again.bytes), (200, &first.bytes));
                assert_eq!(again.headers["idempotent-replayed"], "true");
                let stored = format!("SELECT count(*) FROM quotes WHERE external_ref = '{name}'");
                assert_eq!(app.database.query_number(&stored).await, 1, "one quote for the request");

                let quote_id = json!({ "quote_id": first.json()["quote_id"] });
                let executed = send(router, post("/payouts", mode, None, &quote_id)).await;
                assert_eq!(executed.status, 201, "{executed:?}");
                app.assert_can_complete(executed.id("id")).await;
            },
        )
        .await;
    }
    app.database.assert_consistent().await;
}
