//! The sweep for lateness: finds payouts whose estimated delivery time has passed by their rows, never by their actors.

use tokio::task::JoinSet;

use crate::handle::PayoutsHandle;
use crate::ports::{Journal, Unavailable};

/// Looks once for at most `limit` payouts that are due, and lets their actors record it. Returns how many were found.
///
/// # Errors
/// Where the journal cannot be asked. A payout that could not be marked is found again by the next sweep.
pub async fn sweep(journal: &dyn Journal, payouts: &PayoutsHandle, limit: u32) -> Result<usize, Unavailable> {
    let due = journal.due(payouts.now(), limit).await?;
    let found = due.len();
    let mut marking = JoinSet::new();
    for id in due {
        let payouts = payouts.clone();
        marking.spawn(async move {
            if let Err(error) = payouts.due_passed(id).await {
                tracing::warn!(payout = %id, %error, "could not record that the payout is late");
            }
        });
    }
    while marking.join_next().await.is_some() {}
    Ok(found)
}
