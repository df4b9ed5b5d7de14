//! Owning the database: one payoutd process at a time.
//!
//! This keeps two processes from working against each other. It is not what keeps money right: that is the version
//! each commit expects, so a process that lost its lease a moment ago can only come to conflicts.

use std::fs::File;

use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The database is ours until this is dropped or lost.
#[derive(Debug)]
pub struct LeaseGuard {
    lost: watch::Receiver<Option<String>>,
    guard: Guard,
}

#[derive(Debug)]
pub(super) enum Guard {
    /// A task that keeps the session with the lock alive, and watches it.
    Session(AbortHandle),
    /// A locked file, and the sender that never says it is lost.
    File { _file: File, _never: watch::Sender<Option<String>> },
}

impl LeaseGuard {
    pub(super) fn new(lost: watch::Receiver<Option<String>>, guard: Guard) -> Self {
        Self { lost, guard }
    }

    /// Resolves once the database is no longer surely ours, and says why. The process must then stop: another one
    /// may have taken over.
    pub async fn lost(&mut self) -> String {
        match self.lost.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => "the watch over the lease has ended".into(),
        }
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        match &self.guard {
            // Dropping the session's connection makes the server release the lock.
            Guard::Session(task) => task.abort(),
            Guard::File { .. } => {}
        }
    }
}
