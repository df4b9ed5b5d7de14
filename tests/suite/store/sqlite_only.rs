//! Behaviour of the SQLite store only.

use std::time::Duration;

use payoutd::store::{OpenError, SqliteStore, Store, StoreConfig, open};
use payoutd_actors::ports::{BatchError, Created, Journal};
use sqlx::{Connection, Executor, Row, SqlSafeStr, SqliteConnection};

use super::samples::{create, payout};
use super::test_store::{config, encoder};

async fn store(config: &StoreConfig) -> (tempfile::TempDir, String, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/payoutd.sqlite", folder.path().display());
    let store = SqliteStore::connect(&url, config, encoder()).await.unwrap();
    store.migrate().await.unwrap();
    (folder, url, store)
}

#[tokio::test]
async fn a_database_in_memory_is_refused() {
    for url in ["sqlite::memory:", "sqlite://:memory:", "sqlite:file?mode=memory"] {
        let refused = SqliteStore::connect(url, &config(), encoder()).await;
        assert!(matches!(refused, Err(OpenError::InMemory)), "{url}");
    }
    assert!(matches!(open("mysql://x", &config(), encoder()).await, Err(OpenError::UnknownScheme)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_durable() {
    let (_folder, url, store) = store(&config()).await;
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(store.writer()).await.unwrap();
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(store.writer()).await.unwrap();
    assert_eq!((mode.as_str(), synchronous), ("wal", 2));
    let payout = payout();
    store.create(&[create(&payout)]).await.unwrap();
    store.close().await;
    let again = open(&url, &config(), encoder()).await.unwrap();
    again.migrate().await.unwrap();
    assert!(again.load(&[payout.id]).await.unwrap()[0].is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_during_a_long_write_of_another_process_is_unavailable() {
    let (_folder, url, store) =
        store(&StoreConfig { lock_timeout: Duration::from_millis(100), ..config() }).await;
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let payout = payout();
    let refused = store.create(&[create(&payout)]).await;
    assert!(matches!(refused, Err(BatchError::Unavailable(_))), "{refused:?}");
    assert!(store.load(&[payout.id]).await.unwrap()[0].is_none(), "readers still work");
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(store.create(&[create(&payout)]).await.unwrap(), [Created::Inserted]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_find_their_rows_by_key() {
    let (_folder, _, store) = store(&config()).await;
    let plan = |sql: &str| sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    for sql in [
        include_str!("../../../src/store/sqlite/sql/append.sql"),
        include_str!("../../../src/store/sqlite/sql/load_payouts.sql"),
        include_str!("../../../src/store/sqlite/sql/load_entries.sql"),
        include_str!("../../../src/store/sql/overdue_payouts.sql"),
        include_str!("../../../src/store/sqlite/sql/payouts_by_quote.sql"),
        include_str!("../../../src/store/sqlite/sql/outbox_delete.sql"),
        include_str!("../../../src/store/sql/due_planned_reports.sql"),
    ] {
        let steps = sqlx::query(plan(sql)).fetch_all(store.writer()).await.unwrap();
        let steps: Vec<String> = steps.iter().map(|step| step.get("detail")).collect();
        for table in ["payouts", "journal", "outbox", "planned_reports"] {
            assert!(!steps.contains(&format!("SCAN {table}")), "{sql}\n{steps:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_at_a_time_holds_the_lease() {
    let (_folder, url, first) = store(&config()).await;
    let second = SqliteStore::connect(&url, &config(), encoder()).await.unwrap();
    let mut held = first.acquire_lease().await;
    let mut waiting = tokio::spawn(async move { second.acquire_lease().await });
    assert!(tokio::time::timeout(Duration::from_millis(1_500), &mut waiting).await.is_err());
    assert!(tokio::time::timeout(Duration::from_millis(100), held.lost()).await.is_err());
    drop(held);
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap().unwrap();
}

#[tokio::test]
async fn lists_use_their_indexes() {
    let (_folder, _url, store) = store(&config()).await;
    for (statement, index) in [
        ("list", "payouts_listing"),
        ("list_undelivered", "payouts_undelivered"),
        ("list_by_ref", "payouts_by_ref"),
    ] {
        let file = format!("{}/src/store/sqlite/sql/{statement}.sql", env!("CARGO_MANIFEST_DIR"));
        let explain = format!("EXPLAIN QUERY PLAN {}", std::fs::read_to_string(file).unwrap());
        let rows = store.writer().fetch_all(sqlx::AssertSqlSafe(explain).into_sql_str()).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        let plan = plan.join("\n");
        let search = format!("SEARCH payouts USING INDEX {index}");
        assert!(plan.contains(&search) && !plan.contains("FOR ORDER BY"), "{statement}:\n{plan}");
    }
}
