//! PostgreSQL: every commit is one statement, so it is atomic without a transaction block and costs one round trip.

mod answers;
mod append;
mod connections;
mod create;
mod failure;
mod journal;
mod keys;
mod lease;
mod listing;
mod outbox;
mod parking;
mod plans;
mod pool;
mod quotes;
mod settings;
mod sql;
mod tracking;
mod webhooks;

use std::time::Duration;

use async_trait::async_trait;
use payoutd_actors::failpoint;
use payoutd_actors::ports::{BatchError, Unavailable};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{Executor, PgPool, Postgres};

use connections::Connections;
pub use lease::PgLease;

use super::lease::LeaseGuard;
use super::{MigrateError, OpenError, Store, StoreConfig};
use crate::runtime::detached::run_to_completion;
use crate::wire::Renderer;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx_macros::migrate!("migrations/postgres");

/// A statement with its parameters bound.
type Statement = Query<'static, Postgres, PgArguments>;

/// The store in PostgreSQL.
#[derive(Debug, Clone)]
pub struct PgStore {
    connections: Connections,
    /// For connections of our own, outside the pool.
    options: PgConnectOptions,
    connect_timeout: Duration,
    reply_timeout: Duration,
    renderer: Renderer,
}

impl PgStore {
    /// Opens the database at `url` (`postgres://…`).
    ///
    /// # Errors
    /// Where the URL is not understood or the server cannot be reached.
    pub async fn connect(url: &str, config: &StoreConfig, renderer: Renderer) -> Result<Self, OpenError> {
        let options: PgConnectOptions = url.parse()?;
        let options = options.application_name("payoutd");
        let pool = pool::open(options.clone(), config).await?;
        Ok(Self {
            connections: Connections::of(pool),
            options,
            connect_timeout: config.connect_timeout,
            reply_timeout: config.reply_timeout,
            renderer,
        })
    }

    /// The lease on this database.
    #[must_use]
    pub fn lease(&self) -> PgLease {
        PgLease::new(self.options.clone(), self.connect_timeout)
    }

    /// The pool itself, for tests that look behind the ports.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        self.connections.pool()
    }

    /// Runs a reading statement.
    async fn read(&self, statement: Statement) -> Result<Vec<PgRow>, Unavailable> {
        let unavailable = |error: sqlx::Error| Unavailable(error.to_string());
        let mut connection = self.connections.acquire().await.map_err(unavailable)?;
        match tokio::time::timeout(self.reply_timeout, statement.fetch_all(&mut *connection)).await {
            Ok(Ok(rows)) => {
                connection.rest();
                Ok(rows)
            }
            Ok(Err(error)) => Err(unavailable(error)),
            Err(_) => {
                connection.discard();
                Err(Unavailable("the database did not answer in time".into()))
            }
        }
    }

    /// Runs a writing statement to its end, whoever waits for it.
    ///
    /// All rows are fetched although few are asked for: the commit happens after the last of them.
    async fn write(&self, statement: Statement) -> Result<Vec<PgRow>, BatchError> {
        let (connections, reply_timeout) = (self.connections.clone(), self.reply_timeout);
        run_to_completion(async move {
            let mut connection = connections.acquire().await.map_err(failure::before_sending)?;
            failpoint::pass("statement-sending");
            let answer = tokio::time::timeout(reply_timeout, statement.fetch_all(&mut *connection)).await;
            failpoint::pass("statement-answered");
            let error = match answer {
                Ok(Ok(rows)) => {
                    connection.rest();
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

#[async_trait]
impl Store for PgStore {
    async fn migrate(&self) -> Result<(), MigrateError> {
        // On a connection of its own: a migration may take longer than any statement of ours.
        let connection = PgPoolOptions::new().max_connections(1).acquire_timeout(self.connect_timeout);
        let connection = connection.connect_with(self.options.clone()).await?;
        let migrated = MIGRATIONS.run(&connection).await;
        connection.close().await;
        Ok(migrated?)
    }

    async fn ping(&self) -> Result<(), Unavailable> {
        self.read(sqlx::query("SELECT 1")).await.map(drop)
    }

    async fn check_statements(&self) -> Result<(), Unavailable> {
        let mut connection =
            self.connections.acquire().await.map_err(|error| Unavailable(error.to_string()))?;
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
        self.connections.close().await;
    }
}
