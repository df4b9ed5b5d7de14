//! The lease on the database: one payoutd process works on it at a time.
//!
//! The lease prevents that two processes work against each other. Correctness does not depend on it: each commit checks
//! the version of the payout, so a process that has just lost the lease gets conflicts.

use std::fmt::Display;
use std::fs::File;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Holds the lease until it is dropped, or until the lease is lost.
#[derive(Debug)]
pub struct LeaseGuard {
    lost: watch::Receiver<Option<String>>,
    lock: Lock,
}

#[derive(Debug)]
pub(super) enum Lock {
    /// The task that owns the session with the lock, and checks it.
    Session(AbortHandle),
    /// A locked file. The sender is kept so that the lease never counts as lost.
    File { _file: File, _lost: watch::Sender<Option<String>> },
}

impl LeaseGuard {
    pub(super) fn new(lost: watch::Receiver<Option<String>>, lock: Lock) -> Self {
        Self { lost, lock }
    }

    /// Resolves with the reason once the lease may be lost. The process must then stop its work: another process may
    /// hold the lease.
    pub async fn lost(&mut self) -> String {
        match self.lost.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => "the task that checks the lease has ended".into(),
        }
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        match &self.lock {
            // The task drops the session, and the server then releases the lock.
            Lock::Session(task) => task.abort(),
            Lock::File { .. } => {}
        }
    }
}

/// Calls `try_lock` until it returns a lock. Only the first failure is logged.
pub(super) async fn retry_until_locked<T, E, F>(try_lock: impl Fn() -> F) -> T
where
    E: Display,
    F: Future<Output = Result<Option<T>, E>>,
{
    let mut logged = false;
    loop {
        match try_lock().await {
            Ok(Some(lock)) => return lock,
            Ok(None) if !logged => {
                tracing::info!("another payoutd process holds the lease on the database; waiting");
            }
            Err(error) if !logged => {
                tracing::warn!(%error, "cannot acquire the lease on the database; trying again");
            }
            Ok(None) | Err(_) => {}
        }
        logged = true;
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}
