//! Cancellation while a call waits for a pooled connection, or while the pool opens one. PostgreSQL only.

use std::cell::RefCell;
use std::time::Duration;

use payoutd_domain::{Mode, PayoutId};
use sqlx::Postgres;
use sqlx::pool::PoolConnection;

use super::await_points::cancel_everywhere_and_release;
use super::in_process_app::InProcessApp;
use super::requests::create_payout;
use crate::store::test_store::config;

type Connections = Vec<PoolConnection<Postgres>>;

pub(super) async fn are_cancellable(app: &InProcessApp) {
    let load = async |id: PayoutId| app.database.store.load(&[id]).await;
    cancel_everywhere_and_release(
        app,
        "a load that opens a connection",
        6,
        async || {
            let id = create_payout(app, Mode::Live).await;
            let mut held = acquire_all(app).await;
            held.pop().unwrap().close().await.unwrap();
            (id, RefCell::new(held))
        },
        async |(id, _)| load(*id).await.unwrap(),
        |(_, held)| held.borrow_mut().clear(),
        async |(id, _), _| assert_pool_is_complete(app, id).await,
    )
    .await;
    cancel_everywhere_and_release(
        app,
        "a load that waits for a connection",
        2,
        async || (create_payout(app, Mode::Live).await, RefCell::new(acquire_all(app).await)),
        async |(id, held)| {
            let one = held.borrow_mut().pop();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(2)).await;
                drop(one);
            });
            load(*id).await.unwrap()
        },
        |(_, held)| held.borrow_mut().clear(),
        async |(id, _), _| assert_pool_is_complete(app, id).await,
    )
    .await;
    app.database.assert_consistent().await;
}

/// Acquires all connections of the pool.
async fn acquire_all(app: &InProcessApp) -> Connections {
    let pool = app.database.pool().expect("the store has a pool");
    let acquired = async {
        let mut held = Connections::new();
        for _ in 0..config().max_connections {
            held.push(pool.acquire().await.unwrap());
        }
        held
    };
    tokio::time::timeout(Duration::from_secs(10), acquired).await.expect("the pool has lost no connection")
}

/// Asserts that the pool has lost no connection, and that later writes succeed.
async fn assert_pool_is_complete(app: &InProcessApp, id: PayoutId) {
    drop(acquire_all(app).await);
    app.assert_can_complete(id).await;
}
