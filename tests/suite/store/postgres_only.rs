//! Behaviour of the PostgreSQL store only.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use payoutd::store::{PgStore, Store, StoreConfig};
use payoutd_actors::ports::{Append, BatchError, Journal};
use payoutd_domain::Payout;
use sqlx::{Connection, Executor, PgConnection, Row};

use super::samples::{append, broadcast, create, payout};
use super::test_store::{config, encoder};
use crate::support::database as new_database;

async fn store(config: &StoreConfig) -> (String, PgStore) {
    let url = new_database().await;
    let store = PgStore::connect(&url, config, encoder()).await.unwrap();
    store.migrate().await.unwrap();
    (url, store)
}

/// A created payout, and the next write to it.
async fn pending_write(store: &PgStore) -> (Payout, Append) {
    let payout = payout();
    store.create(&[create(&payout)]).await.unwrap();
    let live = Payout::new(Arc::new(payout));
    let write = append(&live, broadcast("0xa")).0;
    (live, write)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_begin_does_not_swallow_the_next_write() {
    let (url, store) = store(&StoreConfig { max_connections: 1, ..config() }).await;
    let mut waited = false;
    for turn in 0..5 {
        let mut connection = store.pool().acquire().await.unwrap();
        let mut begin = Box::pin(connection.begin());
        // After one poll, BEGIN is sent and its reply is pending. An immediate reply is very unlikely.
        waited |=
            std::future::poll_fn(|context| Poll::Ready(begin.as_mut().poll(context).is_pending())).await;
        drop(begin);
        drop(connection);
        let name = format!("setting {turn}");
        store.setting(&name, "stored").await.unwrap();
        let mut other = PgConnection::connect(&url).await.unwrap();
        let found =
            sqlx::query("SELECT value FROM settings WHERE name = $1").bind(&name).fetch_optional(&mut other);
        assert!(found.await.unwrap().is_some(), "{name} was confirmed but is not stored");
        other.close().await.unwrap();
    }
    assert!(waited, "no BEGIN was dropped while it was pending");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_to_a_locked_row_is_unavailable_and_writes_nothing() {
    let (url, store) = store(&StoreConfig { lock_timeout: Duration::from_millis(200), ..config() }).await;
    let (live, write) = pending_write(&store).await;
    let mut other = PgConnection::connect(&url).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    lock.execute("SELECT 1 FROM payouts FOR UPDATE").await.unwrap();
    let refused = store.append(std::slice::from_ref(&write)).await;
    assert!(matches!(refused, Err(BatchError::Unavailable(_))), "{refused:?}");
    lock.rollback().await.unwrap();
    let stored = store.load(&[live.created().id]).await.unwrap().remove(0).unwrap();
    assert_eq!(stored.replay().unwrap(), live);
    store.append(&[write]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_during_a_write_leaves_the_outcome_unknown() {
    let (url, store) = store(&config()).await;
    let (live, write) = pending_write(&store).await;
    let mut other = PgConnection::connect(&url).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    lock.execute("SELECT 1 FROM payouts FOR UPDATE").await.unwrap();
    let waiting = tokio::spawn({
        let (store, write) = (store.clone(), write.clone());
        async move { store.append(&[write]).await }
    });
    let kill = "SELECT count(pg_terminate_backend(pid)) AS killed FROM pg_stat_activity \
                WHERE datname = current_database() AND wait_event_type = 'Lock'";
    // Not inside the transaction, which sees a snapshot of the sessions.
    while store.pool().fetch_one(kill).await.unwrap().get::<i64, _>("killed") == 0 {
        assert!(!waiting.is_finished(), "the write did not wait for the lock");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let lost = waiting.await.unwrap();
    assert!(matches!(lost, Err(BatchError::Unknown(_))), "{lost:?}");
    lock.rollback().await.unwrap();
    assert!(store.load(&[live.created().id]).await.unwrap()[0].is_some(), "the store still works");
    store.append(&[write]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_times_out_leaves_the_outcome_unknown() {
    let reply_timeout = Duration::from_millis(200);
    let (url, store) = store(&StoreConfig { reply_timeout, max_connections: 1, ..config() }).await;
    let (_, write) = pending_write(&store).await;
    let mut other = PgConnection::connect(&url).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    lock.execute("SELECT 1 FROM payouts FOR UPDATE").await.unwrap();
    let timed_out = store.append(std::slice::from_ref(&write)).await;
    assert!(matches!(timed_out, Err(BatchError::Unknown(_))), "{timed_out:?}");
    store.ping().await.expect("a reply on another connection");
    lock.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_reused_without_extra_round_trips() {
    let (url, store) = store(&config()).await;
    for _ in 0..5 {
        store.ping().await.unwrap();
    }
    let mut other = PgConnection::connect(&url).await.unwrap();
    let sessions = "SELECT query FROM pg_stat_activity \
                    WHERE datname = current_database() AND application_name = 'payoutd'";
    let sessions = other.fetch_all(sessions).await.unwrap();
    let last: Vec<String> = sessions.iter().map(|row| row.get(0)).collect();
    assert_eq!(last, ["SELECT 1"], "one session, and no further statement on it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_died_idle_are_replaced() {
    let (url, store) = store(&config()).await;
    store.ping().await.unwrap();
    let mut other = PgConnection::connect(&url).await.unwrap();
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    other.execute(kill).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let payout = payout();
    store.create(&[create(&payout)]).await.expect("a ping replaces the connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_are_durable_if_the_database_disables_synchronous_commit() {
    let (url, first) = store(&config()).await;
    let (_, database) = url.rsplit_once('/').unwrap();
    let disable = format!("ALTER DATABASE {database} SET synchronous_commit = off");
    first.pool().execute(sqlx::AssertSqlSafe(disable)).await.unwrap();
    let second = PgStore::connect(&url, &config(), encoder()).await.unwrap();
    let row = second.pool().fetch_one("SHOW synchronous_commit").await.unwrap();
    assert_eq!(row.get::<String, _>(0), "on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_at_a_time_holds_the_lease() {
    let (url, first) = store(&config()).await;
    let second = PgStore::connect(&url, &config(), encoder()).await.unwrap();
    let held = first.acquire_lease().await;
    let mut waiting = tokio::spawn(async move { second.acquire_lease().await });
    assert!(tokio::time::timeout(Duration::from_millis(1_500), &mut waiting).await.is_err());
    drop(held);
    let mut held = tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap().unwrap();
    let still_held = tokio::time::timeout(Duration::from_millis(2_500), held.lost()).await;
    assert!(still_held.is_err());
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND application_name = 'payoutd lease'";
    first.pool().execute(kill).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), held.lost()).await.expect("a report of the loss");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_store_and_an_unreachable_server_are_errors() {
    let (_, store) = store(&config()).await;
    let (_, write) = pending_write(&store).await;
    store.close().await;
    assert!(matches!(store.append(&[write]).await, Err(BatchError::Unavailable(_))));
    let short = StoreConfig { acquire_timeout: Duration::from_millis(300), ..config() };
    let nowhere = PgStore::connect("postgres://payoutd@127.0.0.1:1/none", &short, encoder()).await;
    assert!(nowhere.is_err());
}

/// With generic and with custom plans, the cost of a page depends on its size, not on the number of payouts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_use_their_indexes() {
    let (url, _store) = store(&config()).await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let fill = "INSERT INTO payouts (id, org_id, mode, quote_id, tracking_token, external_ref, destination, asset, \
                user_sends, recipient_gets, fee_total_usd, from_network, to_network, estimated_seconds, \
                seconds_after_broadcast, created_at, status, version, sequence, estimated_delivery_at, late, updated_at) \
                SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000007', 'live', 'quo_' || n, \
                gen_random_uuid(), 'order ' || n, 'd', 'USDT', 1, 1, 0, 'tron', 'tron', 1, 1, \
                now() - n * interval '1 second', CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'delivered' END, 1, 1, \
                NULL, false, now() FROM generate_series(1, 20000) AS n; ANALYZE payouts";
    connection.execute(fill).await.unwrap();
    for (statement, index, status, last) in [
        ("list", "payouts_listing", "{pending,broadcast,delivered,failed}", ""),
        ("list", "payouts_listing", "{delivered}", ""),
        ("list_undelivered", "payouts_undelivered", "{pending,broadcast}", ""),
        ("list_undelivered", "payouts_undelivered", "{failed}", ""),
        ("list_by_ref", "payouts_by_ref", "{pending,broadcast,delivered,failed}", ", 'order 7'"),
    ] {
        let parameters = format!(
            "'00000000-0000-0000-0000-000000000007', 'live', now() - interval '1 hour', \
             '00000000-0000-0000-0000-000000000000', '1970-01-01', '{status}', NULL, now(), 51{last}"
        );
        for (mode, plan) in plans(&mut connection, statement, &parameters).await {
            assert!(plan.contains(index) && !plan.contains("Sort"), "{statement} {status} {mode}:\n{plan}");
        }
    }
}

/// The cost of inserting deliveries, of reading due ones and of recording an attempt does not depend on the number of
/// deliveries that wait for the same endpoint.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_deliveries_are_found_by_the_index_on_the_payout() {
    let (url, _store) = store(&config()).await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let fill = "INSERT INTO webhook_deliveries (endpoint_id, payout_id, sequence, type, status, next_attempt_at, created_at) \
                SELECT '00000000-0000-0000-0000-000000000007', gen_random_uuid(), 2, 'payout.delivered', 'waiting', \
                now(), now() FROM generate_series(1, 5000)";
    connection.execute(fill).await.unwrap();
    let append = ["'{}'"; 20].join(", ");
    for (statement, parameters) in [
        ("append", append.as_str()),
        ("webhook_due", "now(), 16, 1000, '{}'"),
        (
            "webhook_record",
            "1, '00000000-0000-0000-0000-000000000007', 'succeeded', 1, now(), '[]', NULL, now()",
        ),
    ] {
        for (mode, plan) in plans(&mut connection, statement, parameters).await {
            let by_payout = plan.contains("webhook_deliveries_endpoint_id_payout_id_sequence_key");
            assert!(by_payout, "{statement} {mode}:\n{plan}");
        }
    }
}

/// The generic and the custom plan of a statement with these parameters.
async fn plans(
    connection: &mut PgConnection,
    statement: &str,
    parameters: &str,
) -> Vec<(&'static str, String)> {
    let file = format!("{}/src/store/postgres/sql/{statement}.sql", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).unwrap();
    let mut plans = Vec::new();
    for mode in ["force_generic_plan", "force_custom_plan"] {
        let prepare = format!("DEALLOCATE ALL; SET plan_cache_mode = {mode}; PREPARE planned AS {text}");
        connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(prepare))).await.unwrap();
        let explain = format!("EXPLAIN EXECUTE planned({parameters})");
        let rows = connection.fetch_all(sqlx::raw_sql(sqlx::AssertSqlSafe(explain))).await.unwrap();
        let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        plans.push((mode, lines.join("\n")));
    }
    plans
}
