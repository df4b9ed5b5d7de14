//! The calls below the edge, each cut off by itself: whoever makes them may be cut off as well.

use std::sync::Arc;

use payoutd::idempotency::unkept;
use payoutd::quotes::{QuoteError, QuoteRequest, QuoteResponse};
use payoutd_actors::ports::{Appended, BatchError, Created};
use payoutd_actors::reply::CreateError;
use payoutd_domain::{Mode, NewPayout, Payout, Snapshot, Terms};

use super::cut::everywhere;
use super::house::House;
use super::requests::{name, quote_request};
use crate::store::made;

pub(super) async fn are_cut_off_everywhere(house: &House) {
    of_the_quote_desk(house).await;
    of_the_payouts(house).await;
    of_creating_commits(house).await;
    of_recording_commits(house).await;
    house.world.assert_whole().await;
}

fn payout(house: &House) -> NewPayout {
    let terms = made::terms(Mode::Live, &format!("quo_{}", made::unique()));
    made::payout_of(Terms { org: house.org, ..terms })
}

async fn of_the_quote_desk(house: &House) {
    let desk = house.quotes();
    let ask =
        async |request: &QuoteRequest| desk.quote(house.org, Mode::Test, request.clone(), &unkept).await;
    everywhere(
        house,
        "QuoteDesk::quote",
        1,
        async || serde_json::from_value::<QuoteRequest>(quote_request(&name())).unwrap(),
        async |request| ask(request).await,
        async |request, seen: Option<Result<QuoteResponse, QuoteError>>| {
            let again = ask(&request).await.unwrap();
            if let Some(seen) = seen {
                assert_eq!(
                    serde_json::to_value(seen.unwrap()).unwrap(),
                    serde_json::to_value(&again).unwrap()
                );
            }
            let id = serde_json::to_value(&again).unwrap()["quote_id"].as_str().unwrap().to_owned();
            // Another desk has not seen it yet, and asks the store.
            house.quotes().open(house.org, Mode::Test, &id).await.unwrap();
        },
    )
    .await;
}

async fn of_the_payouts(house: &House) {
    everywhere(
        house,
        "Payouts::create",
        1,
        async || payout(house),
        async |payout| house.payouts.create(payout.clone(), None).await,
        async |payout, seen: Option<Result<Arc<Snapshot>, CreateError>>| {
            if let Some(seen) = seen {
                seen.unwrap();
            }
            match house.payouts.create(payout.clone(), None).await {
                Ok(_) => {}
                Err(error) => assert_eq!(error, CreateError::QuoteUsed(payout.id)),
            }
            house.assert_goes_on(payout.id).await;
        },
    )
    .await;
}

async fn of_creating_commits(house: &House) {
    let store = house.store();
    everywhere(
        house,
        "Journal::create",
        1,
        async || made::create(&payout(house)),
        async |write| store.create(std::slice::from_ref(write)).await,
        async |write, seen: Option<Result<Vec<Created>, BatchError>>| {
            let id = write.payout.id;
            let again = store.create(std::slice::from_ref(&write)).await.unwrap();
            match seen {
                Some(seen) => assert_eq!(
                    (seen.unwrap(), again),
                    (vec![Created::Inserted], vec![Created::QuoteUsed(id)])
                ),
                None => assert!(again == [Created::Inserted] || again == [Created::QuoteUsed(id)]),
            }
            house.assert_goes_on(id).await;
        },
    )
    .await;
}

async fn of_recording_commits(house: &House) {
    let store = house.store();
    everywhere(
        house,
        "Journal::append",
        1,
        async || {
            let payout = payout(house);
            store.create(&[made::create(&payout)]).await.unwrap();
            made::append(&Payout::new(Arc::new(payout)), made::broadcast("0xa")).0
        },
        async |write| store.append(std::slice::from_ref(write)).await,
        async |write, seen: Option<Result<Vec<Appended>, BatchError>>| {
            let again = store.append(std::slice::from_ref(&write)).await.unwrap();
            match seen {
                Some(seen) => {
                    assert_eq!((seen.unwrap(), again), (vec![Appended::Committed], vec![Appended::Conflict]))
                }
                None => assert!(again == [Appended::Committed] || again == [Appended::Conflict]),
            }
            let recorded = house.recorded(write.payout_id()).await;
            assert_eq!((recorded.version().0, recorded.snapshot().sequence.0), (2, 2));
            house.assert_announced(write.payout_id()).await;
            house.assert_goes_on(write.payout_id()).await;
        },
    )
    .await;
}
