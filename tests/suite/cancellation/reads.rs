//! `GET /payouts/{id}` and `GET /payouts`.

use std::time::Duration;

use payoutd_domain::Mode;

use super::cut::everywhere;
use super::house::House;
use super::requests::{Reply, created, get, name, quoted, send};

pub(super) async fn are_cut_off_everywhere(house: &House) {
    of_a_payout_in_memory(house).await;
    of_a_payout_in_its_row(house).await;
    of_an_overdue_payout(house).await;
    of_a_list(house).await;
    house.world.assert_whole().await;
}

fn assert_shows(seen: Option<&Reply>, again: &Reply) {
    assert_eq!(again.status, 200, "{again:?}");
    if let Some(seen) = seen {
        assert_eq!((seen.status, &seen.bytes), (200, &again.bytes));
    }
}

async fn of_a_payout_in_memory(house: &House) {
    everywhere(
        house,
        "GET /payouts/{id}, live actor",
        1,
        async || (house.router(), created(house, Mode::Live).await),
        async |(router, id)| send(router.clone(), get(&format!("/payouts/{id}"), Mode::Live)).await,
        async |(_, id), seen: Option<Reply>| {
            assert_shows(seen.as_ref(), &house.polled(id).await);
            house.assert_goes_on(id).await;
        },
    )
    .await;
}

async fn of_a_payout_in_its_row(house: &House) {
    everywhere(
        house,
        "GET /payouts/{id}, passivated actor",
        2,
        async || {
            let id = created(house, Mode::Live).await;
            house.payouts.forget_all().await;
            (house.router(), id)
        },
        async |(router, id)| send(router.clone(), get(&format!("/payouts/{id}"), Mode::Live)).await,
        async |(_, id), seen: Option<Reply>| {
            assert_shows(seen.as_ref(), &house.polled(id).await);
            house.assert_goes_on(id).await;
        },
    )
    .await;
}

/// That it is late is recorded before it is shown.
async fn of_an_overdue_payout(house: &House) {
    everywhere(
        house,
        "GET /payouts/{id}, overdue",
        3,
        async || {
            let id = created(house, Mode::Live).await;
            house.payouts.forget_all().await;
            house.clock.advance(Duration::from_secs(3600));
            (house.router(), id)
        },
        async |(router, id)| send(router.clone(), get(&format!("/payouts/{id}"), Mode::Live)).await,
        async |(router, id), seen: Option<Reply>| {
            let again = send(router, get(&format!("/payouts/{id}"), Mode::Live)).await;
            assert_shows(seen.as_ref(), &again);
            assert_eq!((&again.json()["late"], &again.json()["sequence"]), (&true.into(), &2.into()));
            house.assert_goes_on(id).await;
        },
    )
    .await;
}

async fn of_a_list(house: &House) {
    everywhere(
        house,
        "GET /payouts",
        2,
        async || {
            let external_ref = name();
            let quote_id = quoted(house, Mode::Live, &external_ref).await;
            let body = serde_json::json!({ "quote_id": quote_id });
            let created = send(house.router(), super::requests::post("/payouts", Mode::Live, None, &body));
            let id = created.await.id("id");
            house.payouts.forget_all().await;
            (house.router(), external_ref, id)
        },
        async |(router, external_ref, _)| {
            send(router.clone(), get(&format!("/payouts?external_ref={external_ref}"), Mode::Live)).await
        },
        async |(router, external_ref, id), seen: Option<Reply>| {
            let list = get(&format!("/payouts?external_ref={external_ref}"), Mode::Live);
            let again = send(router, list).await;
            assert_shows(seen.as_ref(), &again);
            assert_eq!(again.json()["data"][0]["id"], id.to_string());
            house.assert_goes_on(id).await;
        },
    )
    .await;
}
