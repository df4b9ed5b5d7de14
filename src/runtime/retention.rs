//! Retention: deletes expired rows in batches.

use std::time::Duration;

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;

use super::shutdown::Shutdown;

/// The most rows that one statement deletes.
const BATCH: u32 = 1_000;
/// The pause after the last batch.
const INTERVAL: Duration = Duration::from_secs(60);
/// The pause between two full batches, during which other statements get their turn.
const PAUSE_BETWEEN_BATCHES: Duration = Duration::from_millis(100);

/// Rows of one kind that expire.
#[async_trait]
pub trait Purge: Send + Sync + 'static {
    /// Deletes at most `limit` expired rows and returns the number of deleted rows.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store does not respond.
    async fn purge(&self, limit: u32) -> Result<u64, Unavailable>;
}

/// Purges expired rows of one kind once a minute.
pub struct Retention<P> {
    /// The kind of rows, for the log.
    pub rows: &'static str,
    pub purge: P,
}

impl<P: Purge> Retention<P> {
    /// Runs until shutdown is requested.
    pub async fn run(self, mut shutdown: Shutdown) {
        let mut pause = INTERVAL;
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = match self.purge.purge(BATCH).await {
                Ok(deleted) if deleted >= u64::from(BATCH) => PAUSE_BETWEEN_BATCHES,
                Ok(_) => INTERVAL,
                Err(error) => {
                    tracing::warn!(%error, rows = self.rows, "could not delete expired rows; trying again");
                    INTERVAL
                }
            };
        }
    }
}
