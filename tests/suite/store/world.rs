//! A store under test, and a way to look behind its ports.

use std::sync::Arc;
use std::time::{Duration, Instant};

use payoutd::store::{PgStore, SqliteStore, Store, StoreConfig};
use payoutd::wire::Renderer;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

use crate::support::database;

/// One store over a database of its own.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    behind: Behind,
    _file: Option<tempfile::TempDir>,
}

enum Behind {
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

impl World {
    pub(crate) async fn postgres() -> Self {
        let url = database().await;
        let store = PgStore::connect(&url, &config(), renderer()).await.unwrap();
        store.migrate().await.unwrap();
        let pool = PgPool::connect(&url).await.unwrap();
        let behind = Behind::Postgres { pool, store: Box::new(store.clone()) };
        Self { store: Arc::new(store), behind, _file: None }
    }

    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/payoutd.sqlite", folder.path().display());
        let store = SqliteStore::connect(&url, &config(), renderer()).await.unwrap();
        store.migrate().await.unwrap();
        let pool = SqlitePool::connect(&url).await.unwrap();
        Self { store: Arc::new(store), behind: Behind::Sqlite { pool }, _file: Some(folder) }
    }

    /// The store's own connections. PostgreSQL only.
    pub(crate) fn pooled(&self) -> Option<&PgPool> {
        match &self.behind {
            Behind::Postgres { store, .. } => Some(store.pool()),
            Behind::Sqlite { .. } => None,
        }
    }

    /// A number that a query gives.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        let query = AssertSqlSafe(query);
        match &self.behind {
            Behind::Postgres { pool, .. } => sqlx::query_scalar(query).fetch_one(pool).await.unwrap(),
            Behind::Sqlite { pool } => sqlx::query_scalar(query).fetch_one(pool).await.unwrap(),
        }
    }

    /// Does what no port does.
    pub(crate) async fn tamper(&self, statement: &str) {
        let statement = AssertSqlSafe(statement);
        match &self.behind {
            Behind::Postgres { pool, .. } => drop(sqlx::query(statement).execute(pool).await.unwrap()),
            Behind::Sqlite { pool } => drop(sqlx::query(statement).execute(pool).await.unwrap()),
        }
    }

    /// How a payout's id is written in a query.
    pub(crate) fn id(&self, id: payoutd_domain::PayoutId) -> String {
        match &self.behind {
            Behind::Postgres { .. } => format!("'{}'", id.0),
            Behind::Sqlite { .. } => format!("x'{}'", id.0.simple()),
        }
    }

    /// A time no payout can have, as it is written in a query.
    pub(crate) fn impossible_time(&self) -> &'static str {
        match &self.behind {
            Behind::Postgres { .. } => "'infinity'",
            Behind::Sqlite { .. } => "-1",
        }
    }

    /// Fails where a connection of the store's own is left inside a transaction.
    pub(crate) async fn assert_no_open_transaction(&self) {
        match &self.behind {
            Behind::Postgres { store, .. } => {
                let patience = Instant::now() + Duration::from_secs(10);
                while store.pool().size() as usize != store.pool().num_idle() {
                    assert!(Instant::now() < patience, "a connection did not come back");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                            AND state LIKE 'idle in transaction%'";
                // One in the middle of a write is not left. The server ends those that are after ten seconds.
                let patience = Instant::now() + Duration::from_secs(2);
                while self.number(open).await > 0 {
                    assert!(Instant::now() < patience, "a connection is left in a transaction");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            Behind::Sqlite { pool } => {
                // Only possible once nobody else is in a writing transaction.
                sqlx::raw_sql("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE; ROLLBACK")
                    .execute(pool)
                    .await
                    .unwrap();
            }
        }
    }

    /// Fails where rows, journal and outbox do not tell the same story.
    pub(crate) async fn assert_whole(&self) {
        for (what, query) in [
            (
                "a row and its journal differ",
                "SELECT count(*) FROM payouts p WHERE p.version <> 1 + \
                 (SELECT count(*) FROM journal j WHERE j.payout_id = p.id)",
            ),
            (
                "a journal without its row",
                "SELECT count(*) FROM journal j WHERE NOT EXISTS (SELECT 1 FROM payouts p WHERE p.id = j.payout_id)",
            ),
            (
                "a change that was not announced",
                "SELECT count(*) FROM payouts p WHERE p.sequence <> \
                 (SELECT count(*) FROM outbox o WHERE o.payout_id = p.id)",
            ),
            (
                "announcements out of order",
                "SELECT count(*) FROM outbox a JOIN outbox b ON a.payout_id = b.payout_id AND a.id < b.id \
                 WHERE a.sequence >= b.sequence",
            ),
        ] {
            assert_eq!(self.number(query).await, 0, "{what}");
        }
    }
}
