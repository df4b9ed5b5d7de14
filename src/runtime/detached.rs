//! Writes that outlive their callers.

use payoutd_actors::ports::{BatchError, Unavailable};

/// Runs a write in a task of its own, so that it ends even where nobody waits for it any more: a future that is dropped
/// between two steps of a transaction would leave it open on a connection that somebody else gets next.
pub(crate) async fn to_the_end<T: Send + 'static>(
    write: impl Future<Output = Result<T, BatchError>> + Send + 'static,
) -> Result<T, BatchError> {
    match tokio::spawn(write).await {
        Ok(result) => result,
        Err(died) => Err(BatchError::Unknown(format!("the write did not end: {died}"))),
    }
}

/// Says of a write that may be repeated why it has no result.
pub(crate) fn unavailable(error: BatchError) -> Unavailable {
    match error {
        BatchError::Rejected(why) | BatchError::Unavailable(why) | BatchError::Unknown(why) => {
            Unavailable(why)
        }
    }
}
