//! The lease: a session-level advisory lock on a connection of its own.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::watch;

use crate::store::lease::{Guard, LeaseGuard};

/// Names the lock within the database: `payoutd` in ASCII.
const LOCK: i64 = 0x0070_6179_6f75_7464;
const TRY_EVERY: Duration = Duration::from_secs(1);
const PING_EVERY: Duration = Duration::from_secs(1);
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// The right to be the only payoutd process on a database.
#[derive(Debug, Clone)]
pub struct PgLease {
    options: PgConnectOptions,
    connect_timeout: Duration,
}

impl PgLease {
    pub(super) fn new(options: PgConnectOptions, connect_timeout: Duration) -> Self {
        // A holder that vanished without a word must not keep the next one waiting for hours.
        let options = options.application_name("payoutd lease").options([
            ("tcp_keepalives_idle", "5"),
            ("tcp_keepalives_interval", "2"),
            ("tcp_keepalives_count", "3"),
            ("idle_session_timeout", "0"),
        ]);
        Self { options, connect_timeout }
    }

    /// Waits until the lease is ours.
    pub async fn acquire(&self) -> LeaseGuard {
        let mut said = false;
        loop {
            match self.try_lock().await {
                Ok(Some(session)) => return hold(session),
                Ok(None) if !said => {
                    tracing::info!("another payoutd process owns the database; waiting for it to leave");
                    said = true;
                }
                Err(error) if !said => {
                    tracing::warn!(%error, "cannot ask for the lease on the database; trying again");
                    said = true;
                }
                Ok(None) | Err(_) => {}
            }
            tokio::time::sleep(TRY_EVERY).await;
        }
    }

    async fn try_lock(&self) -> Result<Option<PgConnection>, sqlx::Error> {
        let attempt = async {
            let mut session = self.options.connect().await?;
            let try_lock = sqlx::query_scalar::<_, bool>("SELECT pg_try_advisory_lock($1)").bind(LOCK);
            Ok(try_lock.fetch_one(&mut session).await?.then_some(session))
        };
        tokio::time::timeout(self.connect_timeout, attempt).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }
}

fn hold(session: PgConnection) -> LeaseGuard {
    let (lost, watched) = watch::channel(None);
    let task = tokio::spawn(async move {
        let why = watch_over(session).await;
        tracing::error!(why, "the lease on the database is lost");
        // Whoever held it may have let go.
        let _ = lost.send(Some(why));
    });
    LeaseGuard::new(watched, Guard::Session(task.abort_handle()))
}

/// Asks again and again until no answer comes, and says why.
async fn watch_over(mut session: PgConnection) -> String {
    loop {
        tokio::time::sleep(PING_EVERY).await;
        match tokio::time::timeout(PING_TIMEOUT, session.ping()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return "the session that holds the lease does not answer".into(),
        }
    }
}
