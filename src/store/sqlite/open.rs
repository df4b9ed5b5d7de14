//! Opens the file: durable commits, one writer, many readers.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Executor, SqlitePool};

use crate::store::config::StoreConfig;
use crate::store::error::OpenError;

/// The size in bytes to which the write-ahead log is truncated after a checkpoint.
const WAL_LIMIT: &str = "67108864";

pub(super) fn options(url: &str, config: &StoreConfig) -> Result<SqliteConnectOptions, OpenError> {
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(OpenError::InMemory);
    }
    let options: SqliteConnectOptions = url.parse()?;
    Ok(options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(config.lock_timeout)
        .pragma("journal_size_limit", WAL_LIMIT)
        .pragma("cache_size", "-65536"))
}

/// The writer. It is never replaced: a new connection would start with an empty cache.
pub(super) async fn writer(
    options: SqliteConnectOptions,
    config: &StoreConfig,
) -> Result<SqlitePool, sqlx::Error> {
    SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .acquire_timeout(config.acquire_timeout)
        .test_before_acquire(false)
        // After a panic between BEGIN and COMMIT, the transaction must not stay open for the next write. Usually there
        // is none, and ROLLBACK fails.
        .after_release(|connection, _| {
            Box::pin(async move {
                if connection.execute("ROLLBACK").await.is_ok() {
                    tracing::error!("a write left its transaction open; it is rolled back");
                }
                Ok(true)
            })
        })
        .connect_with(options)
        .await
}

pub(super) async fn readers(
    options: SqliteConnectOptions,
    config: &StoreConfig,
) -> Result<SqlitePool, sqlx::Error> {
    SqlitePoolOptions::new()
        .max_connections(config.max_connections)
        .acquire_timeout(config.acquire_timeout)
        .test_before_acquire(false)
        .connect_with(options.pragma("query_only", "ON"))
        .await
}
