//! An actor system on a memory journal.

use std::sync::Arc;
use std::time::Duration;

use super::manual_clock::ManualClock;
use super::memory_journal::MemoryJournal;
use crate::group_commit::GroupCommitConfig;
use crate::handle::PayoutsHandle;
use crate::supervisor::SupervisorConfig;
use crate::system::{self, ActorSystem, ActorSystemConfig};

/// A running actor system and the handle to its payouts.
pub struct TestSystem {
    /// The handle to the payouts.
    pub payouts: PayoutsHandle,
    /// The actor system.
    pub actors: ActorSystem,
}

/// Limits that no test reaches by accident.
#[must_use]
pub fn test_config() -> SupervisorConfig {
    SupervisorConfig {
        max_live: 100_000,
        idle_after: Duration::from_secs(3_600),
        ended_after: Duration::from_secs(3_600),
        passivation_interval: Duration::from_secs(1),
        failure_limit: 3,
        quarantine: Duration::from_secs(60),
    }
}

/// Starts an actor system on this journal and clock, wired as in production.
///
/// # Panics
/// Panics if the system does not start.
pub async fn start_test_system(
    journal: &MemoryJournal,
    clock: &ManualClock,
    supervisor: SupervisorConfig,
) -> TestSystem {
    let config =
        ActorSystemConfig { supervisor, group_commit: GroupCommitConfig { max_in_flight: 2, max_batch: 64 } };
    #[expect(clippy::expect_used, reason = "for tests")]
    let actors = system::start(Arc::new(journal.clone()), Arc::new(clock.clone()), config)
        .await
        .expect("the actor system starts");
    TestSystem { payouts: actors.payouts().clone(), actors }
}
