//! The running whole: group commit, the supervisor and the snapshots behind one handle, started and ended as one.

use std::sync::Arc;
use std::time::Duration;

use ractor::concurrency::JoinHandle;
use ractor::{Actor, ActorRef, SpawnErr};
use tokio::task::{JoinError, JoinSet};

use crate::actor::ActorContext;
use crate::group_commit::{GroupCommit, GroupCommitConfig};
use crate::handle::PayoutsHandle;
use crate::ports::{Clock, Journal};
use crate::read::snapshots::SnapshotCache;
use crate::supervisor::{Supervisor, SupervisorConfig, SupervisorMessage, SupervisorStart};

/// The shape of the whole.
#[derive(Debug, Clone, Copy)]
pub struct ActorSystemConfig {
    /// The limits of the supervisor.
    pub supervisor: SupervisorConfig,
    /// The shape of group commit.
    pub group_commit: GroupCommitConfig,
}

/// Why an engine did not end in order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShutdownError {
    /// Work was still under way at the deadline. It may be committed yet; nothing of it was acknowledged.
    #[error("work was still under way after {0:?}")]
    Deadline(Duration),
    /// A part of it had died.
    #[error("{0}")]
    Exited(String),
}

/// Running payouts. Whoever holds this must watch [`exited`](Self::exited) and end the process when it returns.
///
/// Dropping it stops nothing: what is being committed is committed.
pub struct ActorSystem {
    payouts: PayoutsHandle,
    commits: GroupCommit,
    supervisor: ActorRef<SupervisorMessage>,
    supervising: JoinHandle<()>,
    queues: JoinSet<()>,
    exit: Option<String>,
}

/// Starts payouts over `journal`. No payout is loaded until somebody speaks of it.
///
/// # Errors
/// Where the supervisor does not start.
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
    let start = SupervisorStart { context, config: config.supervisor };
    let (supervisor, supervising) = Actor::spawn(None, Supervisor, start).await?;
    let payouts = PayoutsHandle::new(supervisor.clone(), commits.clone(), snapshots, clock);
    Ok(ActorSystem { payouts, commits, supervisor, supervising, queues, exit: None })
}

impl ActorSystem {
    /// The way in.
    #[must_use]
    pub fn payouts(&self) -> &PayoutsHandle {
        &self.payouts
    }

    /// Waits until a part dies that nothing can go on without, and says which. Safe to cancel and to call again.
    pub async fn exited(&mut self) -> String {
        if let Some(exit) = &self.exit {
            return exit.clone();
        }
        let exit = tokio::select! {
            end = &mut self.supervising => exit_reason("the supervisor", end),
            Some(end) = self.queues.join_next() => exit_reason("a lane of group commit", end),
        };
        self.exit.insert(exit).clone()
    }

    /// Ends in order: nothing new is taken in, every actor finishes the messages it was sent, every waiting write
    /// is committed, and only then does the rest stop.
    ///
    /// # Errors
    /// Where that did not happen within `deadline`, or a part had died.
    pub async fn shutdown(mut self, deadline: Duration) -> Result<(), ShutdownError> {
        if let Some(exit) = self.exit.take() {
            return Err(ShutdownError::Exited(exit));
        }
        tokio::time::timeout(deadline, self.end()).await.map_err(|_| ShutdownError::Deadline(deadline))?
    }

    async fn end(&mut self) -> Result<(), ShutdownError> {
        // Refused only by a supervisor that has died, which the next line finds out as well.
        let _ = self.supervisor.cast(SupervisorMessage::Close);
        let died = |end: JoinError| ShutdownError::Exited(end.to_string());
        (&mut self.supervising).await.map_err(died)?;
        self.commits.close();
        while let Some(end) = self.queues.join_next().await {
            end.map_err(died)?;
        }
        Ok(())
    }
}

impl Drop for ActorSystem {
    /// A set of tasks aborts them when it is dropped, in the middle of a commit.
    fn drop(&mut self) {
        self.queues.detach_all();
    }
}

fn exit_reason(part: &str, end: Result<(), JoinError>) -> String {
    match end {
        Ok(()) => format!("{part} stopped"),
        Err(error) => format!("{part} died: {error}"),
    }
}
