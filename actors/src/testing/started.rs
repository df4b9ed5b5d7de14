//! Running payouts over a memory journal.

use std::sync::Arc;
use std::time::Duration;

use super::{ManualClock, MemoryJournal};
use crate::group_commit::GroupCommitConfig;
use crate::handle::PayoutsHandle;
use crate::supervisor::SupervisorConfig;
use crate::system::{self, ActorSystem, ActorSystemConfig};

/// Everything a test holds on to.
pub struct Started {
    /// The way in.
    pub payouts: PayoutsHandle,
    /// What runs behind it.
    pub running: ActorSystem,
}

/// Limits that no test reaches by chance.
#[must_use]
pub fn unhurried() -> SupervisorConfig {
    SupervisorConfig {
        max_live: 100_000,
        idle_after: Duration::from_secs(3_600),
        ended_after: Duration::from_secs(3_600),
        reap_every: Duration::from_secs(1),
        failure_limit: 3,
        quarantine: Duration::from_secs(60),
    }
}

/// Starts payouts over this journal and clock, wired as in production.
///
/// # Panics
/// Where they cannot be started.
pub async fn start_payouts(
    journal: &MemoryJournal,
    clock: &ManualClock,
    supervisor: SupervisorConfig,
) -> Started {
    let config =
        ActorSystemConfig { supervisor, group_commit: GroupCommitConfig { max_in_flight: 2, max_batch: 64 } };
    #[expect(clippy::expect_used, reason = "for tests")]
    let running = system::start(Arc::new(journal.clone()), Arc::new(clock.clone()), config)
        .await
        .expect("payouts can be started");
    Started { payouts: running.payouts().clone(), running }
}
