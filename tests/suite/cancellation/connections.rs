//! Calls that are cut off while they wait for a pooled connection, or while one is opened for them. PostgreSQL only.

use std::cell::RefCell;
use std::time::Duration;

use payoutd_domain::{Mode, PayoutId};
use sqlx::Postgres;
use sqlx::pool::PoolConnection;

use super::cut::everywhere_holding;
use super::house::House;
use super::requests::created;
use crate::store::world::config;

type LeaseGuard = Vec<PoolConnection<Postgres>>;

pub(super) async fn are_cut_off_everywhere(house: &House) {
    let load = async |id: PayoutId| house.world.store.load(&[id]).await;
    everywhere_holding(
        house,
        "a load on a connection that is yet to be opened",
        6,
        async || {
            let id = created(house, Mode::Live).await;
            let mut held = all(house).await;
            held.pop().unwrap().close().await.unwrap();
            (id, RefCell::new(held))
        },
        async |(id, _)| load(*id).await.unwrap(),
        |(_, held)| held.borrow_mut().clear(),
        async |(id, _), _| finish(house, id).await,
    )
    .await;
    everywhere_holding(
        house,
        "a load that waits for a connection",
        2,
        async || (created(house, Mode::Live).await, RefCell::new(all(house).await)),
        async |(id, held)| {
            let one = held.borrow_mut().pop();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(2)).await;
                drop(one);
            });
            load(*id).await.unwrap()
        },
        |(_, held)| held.borrow_mut().clear(),
        async |(id, _), _| finish(house, id).await,
    )
    .await;
    house.world.assert_whole().await;
}

/// Every connection there may be.
async fn all(house: &House) -> LeaseGuard {
    let pool = house.world.pooled().expect("PostgreSQL has a pool");
    let all = async {
        let mut held = LeaseGuard::new();
        for _ in 0..config().max_connections {
            held.push(pool.acquire().await.unwrap());
        }
        held
    };
    tokio::time::timeout(Duration::from_secs(10), all).await.expect("none of them is lost")
}

/// None of the places in the pool is lost, and a write that follows stays.
async fn finish(house: &House, id: PayoutId) {
    drop(all(house).await);
    house.assert_goes_on(id).await;
}
