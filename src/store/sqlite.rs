//! SQLite: one writer connection and a pool of readers over one file. Every batch is one transaction.

mod append;
mod create;
mod dialect;
mod failure;
mod journal;
mod json;
mod lease;
mod open;
mod sql;
mod webhooks;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use payoutd_actors::failpoint;
use payoutd_actors::ports::{BatchError, IdempotencyRecord, Unavailable};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Executor, Sqlite, SqlitePool};

pub use lease::SqliteLease;

use super::config::StoreConfig;
use super::db_timestamp::DbTimestamp;
use super::error::{MigrateError, OpenError};
use super::interface::Store;
use super::lease::LeaseGuard;
use super::ports::settings;
use super::sql_store::SqlStore;
use crate::outbox::MessageEncoder;
use crate::runtime::detached::{complete_write, run_to_completion, unavailable};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx_macros::migrate!("migrations/sqlite");

type Statement = super::statement::Statement<Sqlite>;

/// The store in an SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    /// One connection: writes queue for it instead of competing for the lock of the file.
    writer: SqlitePool,
    readers: SqlitePool,
    file: PathBuf,
    encoder: Arc<dyn MessageEncoder>,
}

impl SqliteStore {
    /// Opens the file at `url` (`sqlite:…`). Creates it if it does not exist.
    ///
    /// # Errors
    /// Returns an error if the URL is malformed or names a database in memory, or if the file cannot be opened.
    pub async fn connect(
        url: &str,
        config: &StoreConfig,
        encoder: Arc<dyn MessageEncoder>,
    ) -> Result<Self, OpenError> {
        let options = open::options(url, config)?;
        let file = options.get_filename().to_owned();
        let writer = open::writer(options.clone(), config).await?;
        let readers = open::readers(options, config).await?;
        Ok(Self { writer, readers, file, encoder })
    }

    /// The lease on this file.
    #[must_use]
    pub fn lease(&self) -> SqliteLease {
        SqliteLease::new(&self.file)
    }

    /// The writer's pool, for tests.
    #[must_use]
    pub fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// Runs one transaction to completion, even if the caller drops the future. If `work` fails, it is rolled back.
    async fn transaction<T, W>(&self, work: W) -> Result<T, BatchError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, BatchError>> + Send + 'static,
    {
        let writer = self.writer.clone();
        complete_write(async move {
            let mut connection = writer.acquire().await.map_err(|error| failure::before_commit(&error))?;
            let began = connection.execute("BEGIN IMMEDIATE").await;
            began.map_err(|error| failure::before_commit(&error))?;
            failpoint::pass("transaction-begun");
            let error = match work(&mut connection).await {
                Ok(result) => {
                    failpoint::pass("transaction-committing");
                    match connection.execute("COMMIT").await {
                        Ok(_) => {
                            failpoint::pass("transaction-committed");
                            return Ok(result);
                        }
                        Err(error) => failure::at_commit(&error),
                    }
                }
                Err(error) => error,
            };
            let rolled_back = connection.execute("ROLLBACK").await.is_ok();
            if !rolled_back || matches!(error, BatchError::Unknown(_)) {
                connection.close_on_drop();
            }
            Err(error)
        })
        .await
    }
}

/// Runs one statement of a transaction.
async fn run(connection: &mut SqliteConnection, statement: Statement) -> Result<Vec<SqliteRow>, BatchError> {
    failpoint::pass("statement-sending");
    let rows = statement.into_query().fetch_all(connection).await;
    failpoint::pass("statement-answered");
    rows.map_err(|error| failure::before_commit(&error))
}

impl SqlStore for SqliteStore {
    type Database = Sqlite;

    async fn read(&self, statement: Statement) -> Result<Vec<SqliteRow>, Unavailable> {
        let rows = statement.into_query().fetch_all(&self.readers).await;
        rows.map_err(|error| Unavailable(error.to_string()))
    }

    async fn write(&self, statement: Statement) -> Result<Vec<SqliteRow>, Unavailable> {
        self.transaction(|connection| Box::pin(run(connection, statement))).await.map_err(unavailable)
    }

    async fn write_with_record(
        &self,
        statement: Statement,
        record: Option<&IdempotencyRecord>,
    ) -> Result<Vec<SqliteRow>, Unavailable> {
        let Some(record) = record.cloned() else { return self.write(statement).await };
        let written = self.transaction(move |connection| {
            Box::pin(async move {
                let existing = Statement::new(super::sql::FIND_IDEMPOTENCY_RECORD)
                    .bind(record.key_hash.0.to_vec())
                    .bind(DbTimestamp(record.created_at));
                if !run(connection, existing).await?.is_empty() {
                    return Ok(Vec::new());
                }
                let rows = run(connection, statement).await?;
                if !rows.is_empty() {
                    let insert = Statement::new(super::sql::INSERT_IDEMPOTENCY_RECORD);
                    run(connection, insert.bind_record(Some(&record))).await?;
                }
                Ok(rows)
            })
        });
        written.await.map_err(unavailable)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn migrate(&self) -> Result<(), MigrateError> {
        let writer = self.writer.clone();
        match run_to_completion(async move { MIGRATIONS.run(&writer).await }).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(MigrateError::Database(sqlx::Error::WorkerCrashed)),
        }
    }

    async fn ping(&self) -> Result<(), Unavailable> {
        self.read(Statement::new("SELECT 1 FROM sqlite_schema LIMIT 1")).await.map(drop)
    }

    async fn check_statements(&self) -> Result<(), Unavailable> {
        let unavailable = |error: sqlx::Error| Unavailable(error.to_string());
        let mut connection = self.writer.acquire().await.map_err(unavailable)?;
        for &(name, text) in super::sql::ALL.iter().chain(sql::ALL) {
            let prepared = connection.prepare(sqlx::SqlStr::from_static(text)).await;
            prepared.map_err(|error| Unavailable(format!("{name}: {error}")))?;
        }
        Ok(())
    }

    async fn setting(&self, name: &str, default: &str) -> Result<String, Unavailable> {
        settings::find_or_insert(self, name, default).await
    }

    async fn acquire_lease(&self) -> LeaseGuard {
        self.lease().acquire().await
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
