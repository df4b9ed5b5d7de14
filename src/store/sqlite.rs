//! SQLite: one writer connection and a pool of readers over one file. Every batch is one transaction.

mod answers;
mod append;
mod create;
mod failure;
mod journal;
mod keys;
mod lease;
mod listing;
mod open;
mod outbox;
mod parking;
mod plans;
mod quotes;
mod settings;
mod sql;
mod tracking;
mod webhooks;

use std::path::PathBuf;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use payoutd_actors::failpoint;
use payoutd_actors::ports::{BatchError, Unavailable};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Executor, Sqlite, SqlitePool};

pub use lease::SqliteLease;

use super::lease::LeaseGuard;
use super::{MigrateError, OpenError, Store, StoreConfig};
use crate::runtime::detached::run_to_completion;
use crate::wire::Renderer;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx_macros::migrate!("migrations/sqlite");

/// A statement with its parameters bound.
type Statement = Query<'static, Sqlite, SqliteArguments>;

/// The store in an SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    /// One connection, so that writes wait here in order and never for a lock.
    writer: SqlitePool,
    readers: SqlitePool,
    file: PathBuf,
    renderer: Renderer,
}

impl SqliteStore {
    /// Opens the file that `url` (`sqlite:…`) names, and makes it where there is none.
    ///
    /// # Errors
    /// Where the URL is not understood, names a database in memory, or the file cannot be opened.
    pub async fn connect(url: &str, config: &StoreConfig, renderer: Renderer) -> Result<Self, OpenError> {
        let options = open::options(url, config)?;
        let file = options.get_filename().to_owned();
        let writer = open::writer(options.clone(), config).await?;
        let readers = open::readers(options, config).await?;
        Ok(Self { writer, readers, file, renderer })
    }

    /// The lease on this file.
    #[must_use]
    pub fn lease(&self) -> SqliteLease {
        SqliteLease::new(&self.file)
    }

    /// The writer's pool, for tests that look behind the ports.
    #[must_use]
    pub fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// Runs a reading statement.
    async fn read(&self, statement: Statement) -> Result<Vec<SqliteRow>, Unavailable> {
        statement.fetch_all(&self.readers).await.map_err(|error| Unavailable(error.to_string()))
    }

    /// Runs one writing statement to its end, whoever waits for it.
    async fn write_one(&self, statement: Statement) -> Result<Vec<SqliteRow>, BatchError> {
        self.write(|connection| Box::pin(run(connection, statement))).await
    }

    /// Runs one transaction to its end, whoever waits for it. Where `work` fails, nothing is written.
    async fn write<T, W>(&self, work: W) -> Result<T, BatchError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, BatchError>> + Send + 'static,
    {
        let writer = self.writer.clone();
        run_to_completion(async move {
            let mut connection = writer.acquire().await.map_err(|error| failure::before_commit(&error))?;
            let began = connection.execute("BEGIN IMMEDIATE").await;
            began.map_err(|error| failure::before_commit(&error))?;
            failpoint::pass("transaction-begun");
            let failed = match work(&mut connection).await {
                Ok(done) => {
                    failpoint::pass("transaction-committing");
                    match connection.execute("COMMIT").await {
                        Ok(_) => {
                            failpoint::pass("transaction-committed");
                            return Ok(done);
                        }
                        Err(error) => failure::at_commit(&error),
                    }
                }
                Err(failed) => failed,
            };
            let rolled_back = connection.execute("ROLLBACK").await.is_ok();
            if !rolled_back || matches!(failed, BatchError::Unknown(_)) {
                connection.close_on_drop();
            }
            Err(failed)
        })
        .await
    }
}

/// Runs one statement within a transaction.
async fn run(connection: &mut SqliteConnection, statement: Statement) -> Result<Vec<SqliteRow>, BatchError> {
    failpoint::pass("statement-sending");
    let rows = statement.fetch_all(connection).await.map_err(|error| failure::before_commit(&error));
    failpoint::pass("statement-answered");
    rows
}

/// A set of rows as one parameter.
fn json(rows: &(impl serde::Serialize + ?Sized)) -> Result<String, BatchError> {
    serde_json::to_string(rows).map_err(|error| BatchError::Rejected(error.to_string()))
}

#[async_trait]
impl Store for SqliteStore {
    async fn migrate(&self) -> Result<(), MigrateError> {
        let writer = self.writer.clone();
        let migration = tokio::spawn(async move { MIGRATIONS.run(&writer).await });
        match migration.await {
            Ok(result) => Ok(result?),
            Err(_) => Err(MigrateError::Database(sqlx::Error::WorkerCrashed)),
        }
    }

    async fn ping(&self) -> Result<(), Unavailable> {
        self.read(sqlx::query("SELECT 1 FROM sqlite_schema LIMIT 1")).await.map(drop)
    }

    async fn check_statements(&self) -> Result<(), Unavailable> {
        let unavailable = |error: sqlx::Error| Unavailable(error.to_string());
        let mut connection = self.writer.acquire().await.map_err(unavailable)?;
        for &(name, text) in sql::ALL {
            let prepared = connection.prepare(sqlx::SqlStr::from_static(text)).await;
            prepared.map_err(|error| Unavailable(format!("{name}: {error}")))?;
        }
        Ok(())
    }

    async fn setting(&self, name: &str, default: &str) -> Result<String, Unavailable> {
        self.setting_or(name, default).await
    }

    async fn own(&self) -> LeaseGuard {
        self.lease().acquire().await
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
