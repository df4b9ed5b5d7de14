//! Connections, in use and at rest. The pool asks the server twice whenever a connection comes back; one whose last
//! statement was answered to its end needs neither, so it rests here instead. The last one to rest is the first to be
//! used again: few of many then do all the work, and find their caches warm.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Postgres};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::pool::ASK_AFTER_IDLE;

/// How long a connection goes without the pool, which replaces those that have become old.
const OUT_FOR: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(super) struct Connections {
    pool: PgPool,
    /// As many as the pool may have: whoever has one finds a connection at rest, or gets one from the pool.
    turns: Arc<Semaphore>,
    resting: Arc<Mutex<Vec<Resting>>>,
}

struct Resting {
    connection: PoolConnection<Postgres>,
    out_since: Instant,
    since: Instant,
}

/// A connection in use. Dropped, it goes back to the pool, which finds out what has become of it.
pub(super) struct Connection {
    connection: PoolConnection<Postgres>,
    out_since: Instant,
    turn: OwnedSemaphorePermit,
    resting: Arc<Mutex<Vec<Resting>>>,
}

impl Connections {
    pub(super) fn of(pool: PgPool) -> Self {
        let turns = pool.options().get_max_connections() as usize;
        Self { pool, turns: Arc::new(Semaphore::new(turns)), resting: Arc::default() }
    }

    /// Waits for its turn as long as the pool would wait for a connection, and then for the pool, where none rests.
    pub(super) async fn acquire(&self) -> Result<Connection, sqlx::Error> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = tokio::time::timeout(self.pool.options().get_acquire_timeout(), turn).await;
        let turn = turn.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let (connection, out_since) = match self.rested() {
            Some(Resting { connection, out_since, .. }) => (connection, out_since),
            None => (self.pool.acquire().await?, Instant::now()),
        };
        Ok(Connection { connection, out_since, turn, resting: Arc::clone(&self.resting) })
    }

    /// The one that rested last. Where that was long ago, all go back to the pool, which asks them.
    fn rested(&self) -> Option<Resting> {
        let mut resting = lock(&self.resting);
        let last = resting.pop()?;
        if last.since.elapsed() < ASK_AFTER_IDLE {
            return Some(last);
        }
        resting.clear();
        None
    }

    /// The pool itself, with every connection back that rested.
    pub(super) fn pool(&self) -> &PgPool {
        lock(&self.resting).clear();
        &self.pool
    }

    /// Closes all, once those in use are back.
    pub(super) async fn close(&self) {
        self.turns.close();
        self.pool().close().await;
    }
}

impl Connection {
    /// To be used again as it is: its last statement was answered to the end.
    pub(super) fn rest(self) {
        let Self { connection, out_since, turn, resting } = self;
        let mut resting = lock(&resting);
        if out_since.elapsed() < OUT_FOR && !turn.semaphore().is_closed() {
            resting.push(Resting { connection, out_since, since: Instant::now() });
        }
    }

    /// Not to be used again by anybody.
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

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.pool.fmt(f)
    }
}

fn lock(resting: &Mutex<Vec<Resting>>) -> MutexGuard<'_, Vec<Resting>> {
    resting.lock().unwrap_or_else(PoisonError::into_inner)
}
