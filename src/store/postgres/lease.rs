//! The lease in PostgreSQL: an advisory lock of a session, on a connection outside the pool.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::watch;

use crate::store::lease::{LeaseGuard, Lock, retry_until_locked};

/// The key of the advisory lock: `payoutd` in ASCII.
const LOCK_KEY: i64 = 0x0070_6179_6f75_7464;
const PING_INTERVAL: Duration = Duration::from_secs(1);
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Acquires the lease on a database.
#[derive(Debug, Clone)]
pub struct PgLease {
    options: PgConnectOptions,
    connect_timeout: Duration,
}

impl PgLease {
    pub(super) fn new(options: PgConnectOptions, connect_timeout: Duration) -> Self {
        // Keepalives let the server release the lock within seconds if the host of the holder disappears.
        let options = options.application_name("payoutd lease").options([
            ("tcp_keepalives_idle", "5"),
            ("tcp_keepalives_interval", "2"),
            ("tcp_keepalives_count", "3"),
            ("idle_session_timeout", "0"),
        ]);
        Self { options, connect_timeout }
    }

    /// Waits until this process holds the lease.
    pub async fn acquire(&self) -> LeaseGuard {
        hold(retry_until_locked(|| self.try_lock()).await)
    }

    async fn try_lock(&self) -> Result<Option<PgConnection>, sqlx::Error> {
        let attempt = async {
            let mut session = self.options.connect().await?;
            let try_lock = sqlx::query_scalar::<_, bool>("SELECT pg_try_advisory_lock($1)").bind(LOCK_KEY);
            Ok(try_lock.fetch_one(&mut session).await?.then_some(session))
        };
        tokio::time::timeout(self.connect_timeout, attempt).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }
}

fn hold(session: PgConnection) -> LeaseGuard {
    let (lost, receiver) = watch::channel(None);
    let task = tokio::spawn(async move {
        let reason = ping_until_failure(session).await;
        tracing::error!(reason, "the lease on the database is lost");
        // The guard may be dropped already.
        let _ = lost.send(Some(reason));
    });
    LeaseGuard::new(receiver, Lock::Session(task.abort_handle()))
}

/// Pings the session until a ping fails. Returns the reason.
async fn ping_until_failure(mut session: PgConnection) -> String {
    loop {
        tokio::time::sleep(PING_INTERVAL).await;
        match tokio::time::timeout(PING_TIMEOUT, session.ping()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return "the session that holds the lease does not answer".into(),
        }
    }
}
