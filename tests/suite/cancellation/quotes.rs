//! `POST /payouts/quote`.

use payoutd_domain::Mode;
use serde_json::json;

use super::cut::everywhere;
use super::house::House;
use super::requests::{Reply, name, post, quote_request, send, send_again};

pub(super) async fn are_cut_off_everywhere(house: &House) {
    for (what, mode) in [("POST /payouts/quote, live", Mode::Live), ("POST /payouts/quote, test", Mode::Test)]
    {
        let request = |name: &str| post("/payouts/quote", mode, Some(name), &quote_request(name));
        everywhere(
            house,
            what,
            4,
            async || (house.router(), name()),
            async |(router, name)| send(router.clone(), request(name)).await,
            async |(router, name), seen: Option<Reply>| {
                let first = send_again(&router, || request(&name)).await;
                assert_eq!(first.status, 200, "{first:?}");
                if let Some(seen) = seen {
                    assert_eq!((seen.status, &seen.bytes), (200, &first.bytes));
                }
                let again = send(house.router(), request(&name)).await;
                assert_eq!((again.status, &again.bytes), (200, &first.bytes));
                assert_eq!(again.headers["idempotent-replayed"], "true");
                let kept = format!("SELECT count(*) FROM quotes WHERE external_ref = '{name}'");
                assert_eq!(house.world.number(&kept).await, 1, "one quote of one request");

                let quote_id = json!({ "quote_id": first.json()["quote_id"] });
                let executed = send(router, post("/payouts", mode, None, &quote_id)).await;
                assert_eq!(executed.status, 201, "{executed:?}");
                house.assert_goes_on(executed.id("id")).await;
            },
        )
        .await;
    }
    house.world.assert_whole().await;
}
