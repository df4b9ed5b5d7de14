//! The connection pool, and what every connection in it is made to keep.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{Connection, Executor, PgPool};

use crate::store::StoreConfig;

/// A connection idle for longer may have died unnoticed, and is asked first. One in steady use is not.
pub(super) const ASK_AFTER_IDLE: Duration = Duration::from_secs(2);

/// Commits must be durable when they are answered, and wait for one another rather than fail, whatever the database's
/// own defaults are.
const AT_CONNECT: &str = "\
    SET default_transaction_isolation TO 'read committed'; \
    SET default_transaction_read_only TO off; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Leaves no transaction open: a connection may come back in one that the driver knows nothing of, after a future was
/// dropped in the middle of a `BEGIN`. A lone `ROLLBACK` would leave a warning in the server's log each time.
const AT_RELEASE: &str = "BEGIN; ROLLBACK";

/// Every statement of ours finds its rows by an index. A plan that was made while a table was almost empty must not read
/// all of it later, and none is worth compiling.
const PLANS: [(&str, &str); 2] = [("enable_seqscan", "off"), ("jit", "off")];

pub(super) async fn open(options: PgConnectOptions, config: &StoreConfig) -> Result<PgPool, sqlx::Error> {
    let millis = |limit: Duration| limit.as_millis().to_string();
    let options = options.options([
        ("statement_timeout", millis(config.statement_timeout)),
        ("lock_timeout", millis(config.lock_timeout)),
        ("idle_in_transaction_session_timeout", millis(config.idle_in_transaction_timeout)),
    ]);
    let options = options.options(PLANS);
    PgPoolOptions::new()
        .max_connections(config.max_connections)
        .acquire_timeout(config.acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move { Ok(meta.idle_for < ASK_AFTER_IDLE || connection.ping().await.is_ok()) })
        })
        .after_connect(|connection, _| Box::pin(async move { run(connection, AT_CONNECT).await }))
        .after_release(|connection, _| {
            Box::pin(async move { run(connection, AT_RELEASE).await.map(|()| true) })
        })
        .connect_with(options)
        .await
}

/// Runs statements without parameters in one round trip.
async fn run(connection: &mut PgConnection, statements: &'static str) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::raw_sql(statements)).await.map(drop)
}
