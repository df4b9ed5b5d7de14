//! PostgreSQL: every commit is one statement. It is atomic without a transaction block and costs one round trip.

mod append;
mod connection_cache;
mod create;
mod dialect;
mod failure;
mod journal;
mod lease;
mod pool;
mod sql;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payoutd_actors::failpoint;
use payoutd_actors::ports::{BatchError, IdempotencyRecord, Unavailable};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{Executor, PgPool, Postgres};

use connection_cache::ConnectionCache;
pub use lease::PgLease;

use super::config::StoreConfig;
use super::error::{MigrateError, OpenError};
use super::interface::Store;
use super::lease::LeaseGuard;
use super::ports::settings;
use super::sql_store::SqlStore;
use crate::outbox::MessageEncoder;
use crate::runtime::detached::{complete_write, unavailable};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx_macros::migrate!("migrations/postgres");

type Statement = super::statement::Statement<Postgres>;

/// The store in PostgreSQL.
#[derive(Debug, Clone)]
pub struct PgStore {
    connections: ConnectionCache,
    /// For connections outside the pool.
    options: PgConnectOptions,
    connect_timeout: Duration,
    reply_timeout: Duration,
    encoder: Arc<dyn MessageEncoder>,
}

impl PgStore {
    /// Opens the database at `url` (`postgres://…`).
    ///
    /// # Errors
    /// Returns an error if the URL is malformed or the server cannot be reached.
    pub async fn connect(
        url: &str,
        config: &StoreConfig,
        encoder: Arc<dyn MessageEncoder>,
    ) -> Result<Self, OpenError> {
        let options: PgConnectOptions = url.parse()?;
        let options = options.application_name("payoutd");
        let pool = pool::open(options.clone(), config).await?;
        Ok(Self {
            connections: ConnectionCache::new(pool),
            options,
            connect_timeout: config.connect_timeout,
            reply_timeout: config.reply_timeout,
            encoder,
        })
    }

    /// The lease on this database.
    #[must_use]
    pub fn lease(&self) -> PgLease {
        PgLease::new(self.options.clone(), self.connect_timeout)
    }

    /// The pool itself, for tests.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        self.connections.pool()
    }

    /// Runs a writing statement to completion, even if the caller drops the future.
    ///
    /// It fetches all rows, even if the caller needs fewer: the server commits after the last one.
    async fn commit(&self, statement: Statement) -> Result<Vec<PgRow>, BatchError> {
        let (connections, reply_timeout) = (self.connections.clone(), self.reply_timeout);
        complete_write(async move {
            let mut connection = connections.acquire().await.map_err(failure::before_sending)?;
            failpoint::pass("statement-sending");
            let query = statement.into_query();
            let reply = tokio::time::timeout(reply_timeout, query.fetch_all(&mut *connection)).await;
            failpoint::pass("statement-answered");
            let error = match reply {
                Ok(Ok(rows)) => {
                    connection.park();
                    return Ok(rows);
                }
                Ok(Err(error)) => failure::after_sending(&error),
                Err(_) => BatchError::Unknown("the database did not answer in time".into()),
            };
            if matches!(error, BatchError::Unknown(_)) {
                connection.discard();
            }
            Err(error)
        })
        .await
    }
}

impl SqlStore for PgStore {
    type Database = Postgres;

    async fn read(&self, statement: Statement) -> Result<Vec<PgRow>, Unavailable> {
        let unavailable = |error: sqlx::Error| Unavailable(error.to_string());
        let mut connection = self.connections.acquire().await.map_err(unavailable)?;
        let query = statement.into_query();
        match tokio::time::timeout(self.reply_timeout, query.fetch_all(&mut *connection)).await {
            Ok(Ok(rows)) => {
                connection.park();
                Ok(rows)
            }
            Ok(Err(error)) => Err(unavailable(error)),
            Err(_) => {
                connection.discard();
                Err(Unavailable("the database did not answer in time".into()))
            }
        }
    }

    async fn write(&self, statement: Statement) -> Result<Vec<PgRow>, Unavailable> {
        self.commit(statement).await.map_err(unavailable)
    }

    /// The statement itself inserts the record, from its last parameters.
    async fn write_with_record(
        &self,
        statement: Statement,
        record: Option<&IdempotencyRecord>,
    ) -> Result<Vec<PgRow>, Unavailable> {
        self.write(statement.bind_record(record)).await
    }
}

#[async_trait]
impl Store for PgStore {
    async fn migrate(&self) -> Result<(), MigrateError> {
        // On a separate connection without timeouts: a migration may take longer than any other statement.
        let connection = PgPoolOptions::new().max_connections(1).acquire_timeout(self.connect_timeout);
        let connection = connection.connect_with(self.options.clone()).await?;
        let migrated = MIGRATIONS.run(&connection).await;
        connection.close().await;
        Ok(migrated?)
    }

    async fn ping(&self) -> Result<(), Unavailable> {
        self.read(Statement::new("SELECT 1")).await.map(drop)
    }

    async fn check_statements(&self) -> Result<(), Unavailable> {
        let mut connection =
            self.connections.acquire().await.map_err(|error| Unavailable(error.to_string()))?;
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
        self.connections.close().await;
    }
}
