//! The stores: PostgreSQL and SQLite behind the same traits.
//!
//! Both have the same tables (see `migrations/`) and the same behaviour; one contract suite tests both. They differ in
//! how they commit: PostgreSQL writes a batch in one statement, SQLite in one transaction.
//!
//! **Invariant.** Every write runs in its own task, which is never dropped, even if its caller is. A connection whose
//! write has an unknown outcome is closed, not reused.

mod config;
mod db_timestamp;
mod error;
mod hydrate;
mod interface;
mod lease;
mod ports;
mod postgres;
mod rows;
mod sql;
mod sql_store;
mod sqlite;
mod statement;

use std::sync::Arc;

pub use config::StoreConfig;
pub use error::{MigrateError, OpenError};
pub use interface::Store;
pub use lease::LeaseGuard;
pub use postgres::{PgLease, PgStore};
pub use sqlite::{SqliteLease, SqliteStore};

use crate::outbox::MessageEncoder;

/// Opens the store at `url`: `postgres://…`, `postgresql://…` or `sqlite:…`.
///
/// # Errors
/// Returns an error if the URL is not valid or the database cannot be opened.
pub async fn open(
    url: &str,
    config: &StoreConfig,
    encoder: Arc<dyn MessageEncoder>,
) -> Result<Arc<dyn Store>, OpenError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        Ok(Arc::new(PgStore::connect(url, config, encoder).await?))
    } else if url.starts_with("sqlite:") {
        Ok(Arc::new(SqliteStore::connect(url, config, encoder).await?))
    } else {
        Err(OpenError::UnknownScheme)
    }
}
