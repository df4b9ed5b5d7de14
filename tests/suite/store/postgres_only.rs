//! What only PostgreSQL can do, or get wrong.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use payoutd::store::{PgStore, Store, StoreConfig};
use payoutd_actors::ports::{Append, BatchError, Journal};
use payoutd_domain::Payout;
use sqlx::{Connection, Executor, PgConnection, Row};

use super::made::{append, broadcast, create, payout};
use super::world::{config, renderer};
use crate::support::database as new_database;

async fn store(config: &StoreConfig) -> (String, PgStore) {
    let url = new_database().await;
    let store = PgStore::connect(&url, config, renderer()).await.unwrap();
    store.migrate().await.unwrap();
    (url, store)
}

/// A payout that exists, and the next write to it.
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
        // Asked once, it has sent BEGIN and waits for the answer, which all but never is there at once.
        waited |=
            std::future::poll_fn(|context| Poll::Ready(begin.as_mut().poll(context).is_pending())).await;
        drop(begin);
        drop(connection);
        let name = format!("setting {turn}");
        store.setting(&name, "kept").await.unwrap();
        let mut other = PgConnection::connect(&url).await.unwrap();
        let found =
            sqlx::query("SELECT value FROM settings WHERE name = $1").bind(&name).fetch_optional(&mut other);
        assert!(found.await.unwrap().is_some(), "{name} was answered for and is not there");
        other.close().await.unwrap();
    }
    assert!(waited, "no BEGIN was dropped on its way");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_locked_for_too_long_is_unavailable_and_unchanged() {
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
async fn a_connection_lost_on_the_way_is_unknown() {
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
    // Not from within the transaction, which sees the sessions as they were when it first looked.
    while store.pool().fetch_one(kill).await.unwrap().get::<i64, _>("killed") == 0 {
        assert!(!waiting.is_finished(), "the write did not wait for the lock");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let lost = waiting.await.unwrap();
    assert!(matches!(lost, Err(BatchError::Unknown(_))), "{lost:?}");
    lock.rollback().await.unwrap();
    assert!(store.load(&[live.created().id]).await.unwrap()[0].is_some(), "the store goes on");
    store.append(&[write]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_does_not_come_is_unknown() {
    let patience = Duration::from_millis(200);
    let (url, store) = store(&StoreConfig { reply_timeout: patience, max_connections: 1, ..config() }).await;
    let (_, write) = pending_write(&store).await;
    let mut other = PgConnection::connect(&url).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    lock.execute("SELECT 1 FROM payouts FOR UPDATE").await.unwrap();
    let silent = store.append(std::slice::from_ref(&write)).await;
    assert!(matches!(silent, Err(BatchError::Unknown(_))), "{silent:?}");
    store.ping().await.expect("on another connection");
    lock.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_to_the_end_is_used_again_as_it_is() {
    let (url, store) = store(&config()).await;
    for _ in 0..5 {
        store.ping().await.unwrap();
    }
    let mut other = PgConnection::connect(&url).await.unwrap();
    let sessions = "SELECT query FROM pg_stat_activity \
                    WHERE datname = current_database() AND application_name = 'payoutd'";
    let sessions = other.fetch_all(sessions).await.unwrap();
    let last: Vec<String> = sessions.iter().map(|row| row.get(0)).collect();
    assert_eq!(last, ["SELECT 1"], "one session, and nothing was asked after the statement");
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
    store.create(&[create(&payout)]).await.expect("asked before it was used");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_are_durable_whatever_the_database_says() {
    let (url, first) = store(&config()).await;
    let (_, database) = url.rsplit_once('/').unwrap();
    let careless = format!("ALTER DATABASE {database} SET synchronous_commit = off");
    first.pool().execute(sqlx::AssertSqlSafe(careless)).await.unwrap();
    let second = PgStore::connect(&url, &config(), renderer()).await.unwrap();
    let row = second.pool().fetch_one("SHOW synchronous_commit").await.unwrap();
    assert_eq!(row.get::<String, _>(0), "on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_at_a_time_holds_the_lease() {
    let (url, first) = store(&config()).await;
    let second = PgStore::connect(&url, &config(), renderer()).await.unwrap();
    let held = first.own().await;
    let mut waiting = tokio::spawn(async move { second.own().await });
    assert!(tokio::time::timeout(Duration::from_millis(1_500), &mut waiting).await.is_err());
    drop(held);
    let mut held = tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap().unwrap();
    let still_held = tokio::time::timeout(Duration::from_millis(2_500), held.lost()).await;
    assert!(still_held.is_err());
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND application_name = 'payoutd lease'";
    first.pool().execute(kill).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), held.lost()).await.expect("told that it is lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_unavailable() {
    let (_, store) = store(&config()).await;
    let (_, write) = pending_write(&store).await;
    store.close().await;
    assert!(matches!(store.append(&[write]).await, Err(BatchError::Unavailable(_))));
    let short = StoreConfig { acquire_timeout: Duration::from_millis(300), ..config() };
    let nowhere = PgStore::connect("postgres://payoutd@127.0.0.1:1/none", &short, renderer()).await;
    assert!(nowhere.is_err());
}

/// Whether the server plans for the very parameters or for any, a page costs what it shows, not what there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_read_off_their_indexes() {
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

/// What it costs to tell of a change, to look for what is due and to record an attempt does not depend on how much waits for
/// the same endpoint.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_payout_is_found_by_the_payout() {
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

/// How the server would run a statement of ours with these parameters: planned for any, and for these very ones.
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
