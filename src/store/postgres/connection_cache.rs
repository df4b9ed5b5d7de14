//! A cache of connections on top of the pool. The pool makes two extra round trips whenever a connection returns. A
//! connection whose last statement was answered completely needs neither, so it is parked here.
//!
//! The connection that was parked last is used first. A few connections then do most of the work, and their caches in
//! the server stay warm.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Postgres};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::pool::PING_AFTER_IDLE;

/// The time after which a connection returns to the pool, which replaces old connections.
const MAX_TIME_OUTSIDE_POOL: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(super) struct ConnectionCache {
    pool: PgPool,
    /// As many permits as the pool has connections: the holder of one finds a parked connection or gets one of the
    /// pool.
    permits: Arc<Semaphore>,
    parked: Arc<Mutex<Vec<ParkedConnection>>>,
}

struct ParkedConnection {
    connection: PoolConnection<Postgres>,
    left_pool_at: Instant,
    parked_at: Instant,
}

/// A connection in use. If it is dropped, it returns to the pool, which resets it.
pub(super) struct Connection {
    connection: PoolConnection<Postgres>,
    left_pool_at: Instant,
    permit: OwnedSemaphorePermit,
    parked: Arc<Mutex<Vec<ParkedConnection>>>,
}

impl ConnectionCache {
    pub(super) fn new(pool: PgPool) -> Self {
        let permits = pool.options().get_max_connections() as usize;
        Self { pool, permits: Arc::new(Semaphore::new(permits)), parked: Arc::default() }
    }

    /// Waits for a permit as long as the pool would wait for a connection, and then for the pool, if no connection is
    /// parked.
    pub(super) async fn acquire(&self) -> Result<Connection, sqlx::Error> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = tokio::time::timeout(self.pool.options().get_acquire_timeout(), permit).await;
        let permit = permit.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let (connection, left_pool_at) = match self.take_parked() {
            Some(ParkedConnection { connection, left_pool_at, .. }) => (connection, left_pool_at),
            None => (self.pool.acquire().await?, Instant::now()),
        };
        Ok(Connection { connection, left_pool_at, permit, parked: Arc::clone(&self.parked) })
    }

    /// The connection that was parked last. If that is too long ago, all return to the pool, which pings them.
    fn take_parked(&self) -> Option<ParkedConnection> {
        let mut parked = lock(&self.parked);
        let last = parked.pop()?;
        if last.parked_at.elapsed() < PING_AFTER_IDLE {
            return Some(last);
        }
        parked.clear();
        None
    }

    /// The pool itself, after all parked connections have returned to it.
    pub(super) fn pool(&self) -> &PgPool {
        lock(&self.parked).clear();
        &self.pool
    }

    /// Closes all connections, after those in use have returned.
    pub(super) async fn close(&self) {
        self.permits.close();
        self.pool().close().await;
    }
}

impl Connection {
    /// Parks the connection for the next use. Its last statement must have been answered completely.
    pub(super) fn park(self) {
        let Self { connection, left_pool_at, permit, parked } = self;
        let mut parked = lock(&parked);
        if left_pool_at.elapsed() < MAX_TIME_OUTSIDE_POOL && !permit.semaphore().is_closed() {
            parked.push(ParkedConnection { connection, left_pool_at, parked_at: Instant::now() });
        }
    }

    /// Closes the connection instead of reusing it.
    pub(super) fn discard(mut self) {
        self.connection.close_on_drop();
    }
}

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl std::fmt::Debug for ConnectionCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.pool.fmt(f)
    }
}

fn lock(parked: &Mutex<Vec<ParkedConnection>>) -> MutexGuard<'_, Vec<ParkedConnection>> {
    parked.lock().unwrap_or_else(PoisonError::into_inner)
}
