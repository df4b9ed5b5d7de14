use std::time::Duration;

/// The limits of a store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The maximum number of pooled connections. For SQLite, the maximum number of readers; the writer is extra.
    pub max_connections: u32,
    /// The time limit for opening a connection outside the pool (for migrations and for the lease).
    pub connect_timeout: Duration,
    /// The time limit for getting a pooled connection, including the time to open a new one.
    pub acquire_timeout: Duration,
    /// The time limit that the server sets on one statement. PostgreSQL only.
    pub statement_timeout: Duration,
    /// The time limit for waiting on a lock; for SQLite, on a write of another process.
    pub lock_timeout: Duration,
    /// The time after which the server ends a session that is idle in a transaction. PostgreSQL only.
    pub idle_in_transaction_timeout: Duration,
    /// The time limit for the server's reply to a statement. A connection that exceeds it is closed. It should be
    /// longer than `statement_timeout`, so that the server reports its own timeout first. PostgreSQL only.
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
