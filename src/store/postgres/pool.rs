//! The connection pool and the settings of its connections.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{Connection, Executor, PgPool};

use crate::store::config::StoreConfig;

/// A connection that was idle for longer is pinged before it is used: it may be dead.
pub(super) const PING_AFTER_IDLE: Duration = Duration::from_secs(2);

/// Overrides the defaults of the database: a commit is durable before it is answered, and concurrent commits wait for
/// each other instead of failing.
const ON_CONNECT: &str = "\
    SET default_transaction_isolation TO 'read committed'; \
    SET default_transaction_read_only TO off; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Ends a transaction that the driver does not know of: a future may be dropped while its `BEGIN` is in progress. The
/// `BEGIN` here avoids the server's warning about a `ROLLBACK` without a transaction.
const ON_RELEASE: &str = "BEGIN; ROLLBACK";

/// Every statement has an index for its rows. Without this, a plan that was made for an almost empty table would scan
/// the table after it has grown. Compilation costs more than it saves.
const PLANNER_SETTINGS: [(&str, &str); 2] = [("enable_seqscan", "off"), ("jit", "off")];

pub(super) async fn open(options: PgConnectOptions, config: &StoreConfig) -> Result<PgPool, sqlx::Error> {
    let millis = |limit: Duration| limit.as_millis().to_string();
    let options = options.options([
        ("statement_timeout", millis(config.statement_timeout)),
        ("lock_timeout", millis(config.lock_timeout)),
        ("idle_in_transaction_session_timeout", millis(config.idle_in_transaction_timeout)),
    ]);
    let options = options.options(PLANNER_SETTINGS);
    PgPoolOptions::new()
        .max_connections(config.max_connections)
        .acquire_timeout(config.acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move { Ok(meta.idle_for < PING_AFTER_IDLE || connection.ping().await.is_ok()) })
        })
        .after_connect(|connection, _| Box::pin(async move { run(connection, ON_CONNECT).await }))
        .after_release(|connection, _| {
            Box::pin(async move { run(connection, ON_RELEASE).await.map(|()| true) })
        })
        .connect_with(options)
        .await
}

/// Runs statements without parameters in one round trip.
async fn run(connection: &mut PgConnection, statements: &'static str) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::raw_sql(statements)).await.map(drop)
}
