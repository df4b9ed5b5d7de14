//! The actor system: starts and stops group commit, the supervisor and the snapshot cache together.

use std::sync::Arc;
use std::time::Duration;

pub use ractor::SpawnErr;
use ractor::concurrency::JoinHandle;
use ractor::{Actor, ActorRef};
use tokio::task::{JoinError, JoinSet};

use crate::actor::ActorContext;
use crate::group_commit::{GroupCommit, GroupCommitConfig};
use crate::handle::PayoutsHandle;
use crate::ports::{Clock, Journal};
use crate::read::snapshots::SnapshotCache;
use crate::supervisor::{Supervisor, SupervisorArguments, SupervisorConfig, SupervisorMessage};

/// The configuration of an actor system.
#[derive(Debug, Clone, Copy)]
pub struct ActorSystemConfig {
    /// The limits of the supervisor.
    pub supervisor: SupervisorConfig,
    /// The configuration of group commit.
    pub group_commit: GroupCommitConfig,
}

/// Why an actor system did not shut down in order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShutdownError {
    /// Writes were still in flight at the deadline. They may still be committed, but were not acknowledged.
    #[error("writes were still in flight after {0:?}")]
    Deadline(Duration),
    /// The supervisor or a group commit queue had exited before.
    #[error("{0}")]
    Exited(String),
}

/// A running actor system. Its owner must await [`exited`](Self::exited) and end the process when that returns.
///
/// Dropping it stops nothing, so that commits in flight complete.
pub struct ActorSystem {
    payouts: PayoutsHandle,
    commits: GroupCommit,
    supervisor: ActorRef<SupervisorMessage>,
    supervisor_task: JoinHandle<()>,
    queues: JoinSet<()>,
    exit: Option<String>,
}

/// Starts an actor system on `journal`. A payout is loaded only with its first message or read.
///
/// # Errors
/// Returns `SpawnErr` if the supervisor does not start.
pub async fn start(
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    config: ActorSystemConfig,
) -> Result<ActorSystem, SpawnErr> {
    let (commits, queues) = GroupCommit::start(journal, config.group_commit);
    let snapshots = Arc::new(SnapshotCache::default());
    let context = Arc::new(ActorContext {
        commits: commits.clone(),
        snapshots: Arc::clone(&snapshots),
        clock: Arc::clone(&clock),
    });
    let arguments = SupervisorArguments { context, config: config.supervisor };
    let (supervisor, supervisor_task) = Actor::spawn(None, Supervisor, arguments).await?;
    let payouts = PayoutsHandle::new(supervisor.clone(), commits.clone(), snapshots, clock);
    Ok(ActorSystem { payouts, commits, supervisor, supervisor_task, queues, exit: None })
}

impl ActorSystem {
    /// The handle to the payouts.
    #[must_use]
    pub fn payouts(&self) -> &PayoutsHandle {
        &self.payouts
    }

    /// Waits until the supervisor or a group commit queue exits, and returns the reason. Cancel safe; every later call
    /// returns the same reason.
    pub async fn exited(&mut self) -> String {
        if let Some(exit) = &self.exit {
            return exit.clone();
        }
        let exit = tokio::select! {
            result = &mut self.supervisor_task => exit_reason("the supervisor", result),
            Some(result) = self.queues.join_next() => exit_reason("a group commit queue", result),
        };
        self.exit.insert(exit).clone()
    }

    /// Shuts down in order: new messages are refused, every actor processes the messages that it was sent, every queued
    /// write is committed, and then the tasks stop.
    ///
    /// # Errors
    /// Returns `Deadline` if this takes longer than `deadline`, and `Exited` if the supervisor or a group commit queue
    /// had exited before.
    pub async fn shutdown(mut self, deadline: Duration) -> Result<(), ShutdownError> {
        if let Some(exit) = self.exit.take() {
            return Err(ShutdownError::Exited(exit));
        }
        tokio::time::timeout(deadline, self.drain()).await.map_err(|_| ShutdownError::Deadline(deadline))?
    }

    /// Aborts the task of the supervisor. For tests.
    #[cfg(feature = "testing")]
    pub fn abort_supervisor(&self) {
        self.supervisor_task.abort();
    }

    /// Aborts the tasks of the group commit queues. For tests.
    #[cfg(feature = "testing")]
    pub fn abort_commit_queues(&mut self) {
        self.queues.abort_all();
    }

    async fn drain(&mut self) -> Result<(), ShutdownError> {
        let failed = |error: JoinError| ShutdownError::Exited(error.to_string());
        // Fails only if the supervisor has exited, which the next line reports.
        let _ = self.supervisor.cast(SupervisorMessage::ShutDown);
        (&mut self.supervisor_task).await.map_err(failed)?;
        self.commits.close();
        while let Some(result) = self.queues.join_next().await {
            result.map_err(failed)?;
        }
        Ok(())
    }
}

impl Drop for ActorSystem {
    /// Detaches the queues: dropping the `JoinSet` would abort them during a commit.
    fn drop(&mut self) {
        self.queues.detach_all();
    }
}

fn exit_reason(task: &str, result: Result<(), JoinError>) -> String {
    match result {
        Ok(()) => format!("{task} stopped"),
        Err(error) => format!("{task} failed: {error}"),
    }
}
