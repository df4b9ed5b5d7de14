//! What has had its time is forgotten: a few at a time, so that nothing else waits for it.

use std::time::Duration;

use payoutd_actors::ports::Unavailable;

use crate::runtime::shutdown::Shutdown;

/// How many are forgotten in one statement.
pub const BATCH: u32 = 1_000;
/// How often to look for more.
const EVERY: Duration = Duration::from_secs(60);
/// How long to leave the store to others between two full batches.
const BREATH: Duration = Duration::from_millis(100);

/// Calls `forget` every minute until asked to stop, and sooner while there is more to forget. It forgets at most [`BATCH`]
/// and says how many; `what` names them in the log.
pub async fn run_retention<F, Forgotten>(what: &'static str, forget: F, mut stop: Shutdown)
where
    F: Fn() -> Forgotten + Send,
    Forgotten: Future<Output = Result<u64, Unavailable>> + Send,
{
    let mut pause = EVERY;
    loop {
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = match forget().await {
            Ok(forgotten) if forgotten >= u64::from(BATCH) => BREATH,
            Ok(_) => EVERY,
            Err(error) => {
                tracing::warn!(%error, "expired {what} could not be forgotten; trying again");
                EVERY
            }
        };
    }
}
