//! Requests that write.

use std::panic::resume_unwind;

use crate::http::response::problem::Problem;
use crate::runtime::detached::run_to_completion;

/// Runs a request that writes in a task of its own. It completes even if the client disconnects or the request exceeds
/// its time limit. A panic propagates to the caller.
///
/// # Errors
/// Returns `unavailable` if the process is shutting down.
pub(super) async fn request_task<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Problem> {
    match run_to_completion(work).await {
        Ok(output) => Ok(output),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => Err(Problem::unavailable()),
        },
    }
}
