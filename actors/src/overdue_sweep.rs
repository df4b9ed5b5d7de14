//! The overdue sweep: finds payouts whose estimated delivery time has passed, by their rows.

use tokio::task::JoinSet;

use crate::handle::PayoutsHandle;
use crate::ports::{Journal, Unavailable};

/// Finds at most `limit` overdue payouts and has their actors record lateness. Returns the number of payouts found.
///
/// # Errors
/// Returns `Unavailable` if the journal cannot be read. A payout whose lateness could not be recorded is found again by
/// the next sweep.
pub async fn sweep(journal: &dyn Journal, payouts: &PayoutsHandle, limit: u32) -> Result<usize, Unavailable> {
    let overdue = journal.due(payouts.now(), limit).await?;
    let found = overdue.len();
    let mut tasks = JoinSet::new();
    for id in overdue {
        let payouts = payouts.clone();
        tasks.spawn(async move {
            if let Err(error) = payouts.due_passed(id).await {
                tracing::warn!(payout = %id, %error, "could not record that the payout is late");
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    Ok(found)
}
