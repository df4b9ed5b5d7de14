//! The periodic search for payouts past their estimated delivery time.

use std::sync::Arc;
use std::time::Duration;

use payoutd_actors::handle::PayoutsHandle;
use payoutd_actors::overdue_sweep::sweep;
use payoutd_actors::ports::Journal;

use crate::runtime::shutdown::Shutdown;

pub(super) struct OverdueSweep {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) payouts: PayoutsHandle,
    pub(super) interval: Duration,
    /// The most payouts that one sweep marks as late.
    pub(super) batch: u32,
}

impl OverdueSweep {
    /// Runs until shutdown is requested.
    pub(super) async fn run(self, mut shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                () = tokio::time::sleep(self.interval) => {}
            }
            if let Err(error) = sweep(&*self.journal, &self.payouts, self.batch).await {
                tracing::warn!(%error, "could not search for late payouts; trying again");
            }
        }
    }
}
