//! Writes that complete even if the caller's future is dropped.

use payoutd_actors::ports::{BatchError, Unavailable};

/// Runs `write` in a task of its own. If the caller's future is dropped, the write still completes: a transaction that
/// stops between two statements would stay open on a pooled connection.
pub(crate) async fn run_to_completion<T: Send + 'static>(
    write: impl Future<Output = Result<T, BatchError>> + Send + 'static,
) -> Result<T, BatchError> {
    match tokio::spawn(write).await {
        Ok(result) => result,
        Err(error) => Err(BatchError::Unknown(format!("the write did not complete: {error}"))),
    }
}

/// The error of an idempotent write: the caller may repeat it, so the kinds of `BatchError` make no difference.
pub(crate) fn unavailable(error: BatchError) -> Unavailable {
    match error {
        BatchError::Rejected(reason) | BatchError::Unavailable(reason) | BatchError::Unknown(reason) => {
            Unavailable(reason)
        }
    }
}
