//! The lease: a lock on a file next to the database. The system releases it when the process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;

use crate::store::lease::{Guard, LeaseGuard};

const TRY_EVERY: Duration = Duration::from_secs(1);

/// The right to be the only payoutd process on a file.
#[derive(Debug, Clone)]
pub struct SqliteLease {
    lock: PathBuf,
}

impl SqliteLease {
    pub(super) fn new(database: &Path) -> Self {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        Self { lock: name.into() }
    }

    /// Waits until the lease is ours. Once it is, it is not lost before it is dropped.
    pub async fn acquire(&self) -> LeaseGuard {
        let mut said = false;
        loop {
            match self.try_lock() {
                Ok(Some(file)) => {
                    let (never, lost) = watch::channel(None);
                    return LeaseGuard::new(lost, Guard::File { _file: file, _never: never });
                }
                Ok(None) if !said => {
                    tracing::info!("another payoutd process owns the database; waiting for it to leave");
                    said = true;
                }
                Err(error) if !said => {
                    tracing::warn!(%error, lock = %self.lock.display(), "cannot lock the database; trying again");
                    said = true;
                }
                Ok(None) | Err(_) => {}
            }
            tokio::time::sleep(TRY_EVERY).await;
        }
    }

    fn try_lock(&self) -> io::Result<Option<File>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&self.lock)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}
