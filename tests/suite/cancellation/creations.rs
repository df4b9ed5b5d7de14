//! `POST /payouts`.

use axum::Router;
use payoutd_domain::{Mode, PayoutId};
use serde_json::json;

use super::cut::everywhere;
use super::house::House;
use super::requests::{Reply, get, name, post, quoted, send, send_again};

struct Case {
    router: Router,
    external_ref: String,
    quote_id: String,
    /// Its `Idempotency-Key`, where it has one.
    name: Option<String>,
}

pub(super) async fn are_cut_off_everywhere(house: &House) {
    for (what, mode, named) in [
        ("POST /payouts, live", Mode::Live, false),
        ("POST /payouts with a key, live", Mode::Live, true),
        ("POST /payouts, test", Mode::Test, false),
        ("POST /payouts with a key, test", Mode::Test, true),
    ] {
        let request =
            |case: &Case| post("/payouts", mode, case.name.as_deref(), &json!({ "quote_id": case.quote_id }));
        everywhere(
            house,
            what,
            4,
            async || {
                let external_ref = name();
                let quote_id = quoted(house, mode, &external_ref).await;
                Case { router: house.router(), external_ref, quote_id, name: named.then(name) }
            },
            async |case| send(case.router.clone(), request(case)).await,
            async |case, seen: Option<Reply>| {
                let again = send_again(&case.router, || request(&case)).await;
                // A process that starts afterwards answers the same.
                let later = send(house.router(), request(&case)).await;
                let id = match (mode, named) {
                    (Mode::Live, false) => settled_unnamed(seen.as_ref(), &again, &later),
                    (Mode::Live, true) | (Mode::Test, _) => settled_alike(seen.as_ref(), &again, &later),
                };
                let of_quote = format!("SELECT count(*) FROM payouts WHERE quote_id = '{}'", case.quote_id);
                assert_eq!(house.world.number(&of_quote).await, 1, "one payout of one quote");
                let list = get(&format!("/payouts?external_ref={}", case.external_ref), mode);
                let listed = send(case.router, list).await.json();
                assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "{listed}");
                assert_eq!(listed["data"][0]["id"], id.to_string());
                house.assert_goes_on(id).await;
            },
        )
        .await;
    }
    house.world.assert_whole().await;
}

/// Without a key the second call learns of what the first one did.
fn settled_unnamed(seen: Option<&Reply>, again: &Reply, later: &Reply) -> PayoutId {
    assert!(later.is(409, "quote_already_used"), "{later:?}");
    let id = later.id("payout_id");
    if let Some(seen) = seen {
        assert_eq!((seen.status, seen.id("id")), (201, id), "{seen:?}");
    }
    if again.status == 201 {
        assert!(seen.is_none(), "the quote was executed before: {again:?}");
        assert_eq!(again.id("id"), id);
    } else {
        assert!(again.is(409, "quote_already_used"), "{again:?}");
        assert_eq!(again.id("payout_id"), id);
    }
    id
}

/// With a key, and in the sandbox, every call has the same answer.
fn settled_alike(seen: Option<&Reply>, again: &Reply, later: &Reply) -> PayoutId {
    for reply in seen.into_iter().chain([again]) {
        assert_eq!((reply.status, &reply.bytes), (201, &later.bytes), "{reply:?}");
        assert_eq!(reply.headers["location"], later.headers["location"]);
    }
    assert_eq!(later.status, 201, "{later:?}");
    later.id("id")
}
