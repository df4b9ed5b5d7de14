//! The stores: PostgreSQL and SQLite behind the same ports.
//!
//! Both keep the same tables (see `migrations/`) and behave alike; one contract suite runs over both. What each does in
//! its own way is the shape of a commit: PostgreSQL writes a batch in one statement, SQLite in one transaction.
//!
//! **Invariant.** Every write runs in a task of its own that is never dropped, however soon its caller goes away. A
//! connection whose write ended in doubt is closed, not reused.

mod at;
mod lease;
mod postgres;
mod records;
mod restore;
mod rows;
mod sqlite;
mod webhook_rows;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payoutd_actors::ports::{Journal, Unavailable};

pub use lease::LeaseGuard;
pub use postgres::{PgLease, PgStore};
pub use sqlite::{SqliteLease, SqliteStore};

use crate::api_keys::ApiKeyStore;
use crate::http::QuoteUsage;
use crate::idempotency::IdempotencyStore;
use crate::outbox::Outbox;
use crate::payout_query::PayoutQueryStore;
use crate::quotes::QuoteStore;
use crate::reports::ParkedReportStore;
use crate::sandbox::PlanStore;
use crate::tracking::TokenIndex;
use crate::webhooks::WebhookStore;
use crate::wire::Renderer;

/// The limits a store keeps to.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The most pooled connections. In SQLite the most readers; there is one writer besides.
    pub max_connections: u32,
    /// How long a connection outside the pool (for migrations, for the lease) may take to open.
    pub connect_timeout: Duration,
    /// How long to wait for a pooled connection, the opening of a new one included.
    pub acquire_timeout: Duration,
    /// How long the server works on one statement before it gives up. PostgreSQL only.
    pub statement_timeout: Duration,
    /// How long a statement waits for a lock; in SQLite for another process' write.
    pub lock_timeout: Duration,
    /// How long a session may sit in an open transaction before the server ends it. PostgreSQL only.
    pub idle_in_transaction_timeout: Duration,
    /// How long to wait for the answer to a statement before the connection is given up. Should be longer than
    /// `statement_timeout`, so that the server's own answer comes first. PostgreSQL only.
    pub reply_timeout: Duration,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            max_connections: 10,
            connect_timeout: Duration::from_secs(5),
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(15),
            lock_timeout: Duration::from_secs(5),
            idle_in_transaction_timeout: Duration::from_secs(10),
            reply_timeout: Duration::from_secs(20),
        }
    }
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no store there is.
    #[error("a database URL must start with postgres://, postgresql:// or sqlite:")]
    UnknownScheme,
    /// The database needs a file: what is in memory is lost with the process, and not shared between connections.
    #[error("payoutd keeps money records in a file, not in memory")]
    InMemory,
    /// The database could not be opened, or the URL not be read.
    #[error("the database cannot be opened: {0}")]
    Database(#[from] sqlx::Error),
}

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A migration could not be applied, or the database has others than this program knows.
    #[error("the migrations cannot be applied: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database could not be reached.
    #[error("the database cannot be reached: {0}")]
    Database(#[from] sqlx::Error),
}

/// A whole store: every port, and what the program itself asks of it.
#[async_trait]
pub trait Store:
    Journal
    + QuoteStore
    + QuoteUsage
    + IdempotencyStore
    + ApiKeyStore
    + PayoutQueryStore
    + Outbox
    + ParkedReportStore
    + PlanStore
    + WebhookStore
    + TokenIndex
{
    /// Brings the schema up to date.
    ///
    /// # Errors
    /// Where that is not possible; what was applied before stays applied.
    async fn migrate(&self) -> Result<(), MigrateError>;

    /// Whether the store answers.
    ///
    /// # Errors
    /// Where it does not.
    async fn ping(&self) -> Result<(), Unavailable>;

    /// Has the database check every statement there is against the schema.
    ///
    /// # Errors
    /// Where one of them does not fit, or the store cannot be asked. Names the statement.
    async fn check_statements(&self) -> Result<(), Unavailable>;

    /// The setting of this name, kept as `default` from now on where there is none.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn setting(&self, name: &str, default: &str) -> Result<String, Unavailable>;

    /// Waits until this process alone owns the database, for as long as the answer is kept.
    async fn own(&self) -> LeaseGuard;

    /// Closes every connection, after what is under way.
    async fn close(&self);
}

/// Opens the store that `url` names: `postgres://…`, `postgresql://…` or `sqlite:…`.
///
/// # Errors
/// Where the URL is not understood or the database cannot be reached.
pub async fn open(url: &str, config: &StoreConfig, renderer: Renderer) -> Result<Arc<dyn Store>, OpenError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        Ok(Arc::new(PgStore::connect(url, config, renderer).await?))
    } else if url.starts_with("sqlite:") {
        Ok(Arc::new(SqliteStore::connect(url, config, renderer).await?))
    } else {
        Err(OpenError::UnknownScheme)
    }
}

/// Names the SQL files next to the calling module, and lists them all for the test that prepares each.
macro_rules! statements {
    ($($name:ident = $file:literal;)*) => {
        $(pub(super) const $name: &str = include_str!(concat!("sql/", $file, ".sql"));)*
        /// Every statement, by the name of its file.
        pub(super) const ALL: &[(&str, &str)] = &[$(($file, $name)),*];
    };
}
use statements;
