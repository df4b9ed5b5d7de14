//! Work that runs to completion after its caller has stopped waiting.
//!
//! A request's future is dropped at an arbitrary await point when its client disconnects or its deadline passes. Work
//! that must not stop there runs in a task of its own, in four places:
//!
//! - `http::api::request_task`: a request that writes, as a whole. Its idempotency key stays claimed, and its payout
//!   stays a pending creation, until it has ended and its record is stored.
//! - `http::extract::key_cache` and `tracking::token_lookup`: a lookup, which holds a permit until the query ends.
//! - `store`: a write or a migration, because a dropped future would leave a transaction open on a pooled connection.
//!
//! Code between these places spawns no task for this purpose. `PayoutsHandle` in particular needs none: the group commit
//! tasks commit what was submitted, and the actors answer what was sent to them.

use payoutd_actors::ports::{BatchError, Unavailable};
use tokio::task::JoinError;
use tracing::Instrument;

/// Runs `work` in a task of its own, in the current tracing span. Dropping the returned future does not stop the task.
///
/// # Errors
/// Returns the [`JoinError`] if `work` panics or the runtime shuts down.
pub(crate) async fn run_to_completion<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, JoinError> {
    tokio::spawn(work.in_current_span()).await
}

/// Runs a write of a store to completion.
///
/// # Errors
/// Returns the write's error, or `Unknown` if it panics.
pub(crate) async fn complete_write<T: Send + 'static>(
    write: impl Future<Output = Result<T, BatchError>> + Send + 'static,
) -> Result<T, BatchError> {
    match run_to_completion(write).await {
        Ok(result) => result,
        Err(error) => Err(BatchError::Unknown(format!("the write did not complete: {error}"))),
    }
}

/// The error of a write that is safe to repeat.
pub(crate) fn unavailable(error: BatchError) -> Unavailable {
    match error {
        BatchError::Rejected(reason) | BatchError::Unavailable(reason) | BatchError::Unknown(reason) => {
            Unavailable(reason)
        }
    }
}
