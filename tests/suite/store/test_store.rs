//! A store under test, with direct access to its database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use payoutd::outbox::MessageEncoder;
use payoutd::store::{PgStore, SqliteStore, Store, StoreConfig};
use payoutd::wire::Renderer;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

use crate::support::database;

/// A store with its own database.
pub(crate) struct TestStore {
    pub(crate) store: Arc<dyn Store>,
    database: Database,
    _file: Option<tempfile::TempDir>,
}

enum Database {
    Postgres { pool: PgPool, store: Box<PgStore> },
    Sqlite { pool: SqlitePool },
}

pub(crate) fn config() -> StoreConfig {
    StoreConfig {
        max_connections: 8,
        acquire_timeout: Duration::from_secs(20),
        connect_timeout: Duration::from_secs(20),
        lock_timeout: Duration::from_secs(2),
        ..StoreConfig::default()
    }
}

pub(crate) fn renderer() -> Renderer {
    Renderer::new("https://pay.example")
}

pub(crate) fn encoder() -> Arc<dyn MessageEncoder> {
    Arc::new(renderer())
}

impl TestStore {
    pub(crate) async fn postgres() -> Self {
        let url = database().await;
        let store = PgStore::connect(&url, &config(), encoder()).await.unwrap();
        store.migrate().await.unwrap();
        let pool = PgPool::connect(&url).await.unwrap();
        let database = Database::Postgres { pool, store: Box::new(store.clone()) };
        Self { store: Arc::new(store), database, _file: None }
    }

    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/payoutd.sqlite", folder.path().display());
        let store = SqliteStore::connect(&url, &config(), encoder()).await.unwrap();
        store.migrate().await.unwrap();
        let pool = SqlitePool::connect(&url).await.unwrap();
        Self { store: Arc::new(store), database: Database::Sqlite { pool }, _file: Some(folder) }
    }

    /// The pool of the store. PostgreSQL only.
    pub(crate) fn pool(&self) -> Option<&PgPool> {
        match &self.database {
            Database::Postgres { store, .. } => Some(store.pool()),
            Database::Sqlite { .. } => None,
        }
    }

    /// The number that a query returns.
    pub(crate) async fn query_number(&self, query: &str) -> i64 {
        let query = AssertSqlSafe(query);
        match &self.database {
            Database::Postgres { pool, .. } => sqlx::query_scalar(query).fetch_one(pool).await.unwrap(),
            Database::Sqlite { pool } => sqlx::query_scalar(query).fetch_one(pool).await.unwrap(),
        }
    }

    /// Runs a statement on the database directly.
    pub(crate) async fn execute(&self, statement: &str) {
        let statement = AssertSqlSafe(statement);
        match &self.database {
            Database::Postgres { pool, .. } => drop(sqlx::query(statement).execute(pool).await.unwrap()),
            Database::Sqlite { pool } => drop(sqlx::query(statement).execute(pool).await.unwrap()),
        }
    }

    /// The literal of a payout's id in a query.
    pub(crate) fn id(&self, id: payoutd_domain::PayoutId) -> String {
        match &self.database {
            Database::Postgres { .. } => format!("'{}'", id.0),
            Database::Sqlite { .. } => format!("x'{}'", id.0.simple()),
        }
    }

    /// The literal of a time that is not valid for a payout.
    pub(crate) fn impossible_time(&self) -> &'static str {
        match &self.database {
            Database::Postgres { .. } => "'infinity'",
            Database::Sqlite { .. } => "-1",
        }
    }

    /// Panics if a connection of the store stays in a transaction.
    pub(crate) async fn assert_no_open_transaction(&self) {
        match &self.database {
            Database::Postgres { store, .. } => {
                let deadline = Instant::now() + Duration::from_secs(10);
                while store.pool().size() as usize != store.pool().num_idle() {
                    assert!(Instant::now() < deadline, "a connection did not return to the pool");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                            AND state LIKE 'idle in transaction%'";
                // A write may be in progress. The server ends an idle transaction after ten seconds.
                let deadline = Instant::now() + Duration::from_secs(2);
                while self.query_number(open).await > 0 {
                    assert!(Instant::now() < deadline, "a connection stays in a transaction");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            Database::Sqlite { pool } => {
                // This succeeds only if no other connection is in a writing transaction.
                sqlx::raw_sql("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE; ROLLBACK")
                    .execute(pool)
                    .await
                    .unwrap();
            }
        }
    }

    /// Panics if payouts, journal and outbox contradict each other.
    pub(crate) async fn assert_consistent(&self) {
        for (what, query) in [
            (
                "the version of a payout differs from its journal",
                "SELECT count(*) FROM payouts p WHERE p.version <> 1 + \
                 (SELECT count(*) FROM journal j WHERE j.payout_id = p.id)",
            ),
            (
                "a journal entry has no payout",
                "SELECT count(*) FROM journal j WHERE NOT EXISTS (SELECT 1 FROM payouts p WHERE p.id = j.payout_id)",
            ),
            (
                "the sequence of a payout differs from its outbox messages",
                "SELECT count(*) FROM payouts p WHERE p.sequence <> \
                 (SELECT count(*) FROM outbox o WHERE o.payout_id = p.id)",
            ),
            (
                "the outbox messages of a payout are out of order",
                "SELECT count(*) FROM outbox a JOIN outbox b ON a.payout_id = b.payout_id AND a.id < b.id \
                 WHERE a.sequence >= b.sequence",
            ),
        ] {
            assert_eq!(self.query_number(query).await, 0, "{what}");
        }
    }
}
