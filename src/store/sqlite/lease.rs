//! The lease in SQLite: a lock on a file next to the database. The operating system releases it when the process ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::future::ready;
use std::io;
use std::path::{Path, PathBuf};

use tokio::sync::watch;

use crate::store::lease::{LeaseGuard, Lock, retry_until_locked};

/// Acquires the lease on a database file.
#[derive(Debug, Clone)]
pub struct SqliteLease {
    lock_file: PathBuf,
}

impl SqliteLease {
    pub(super) fn new(database: &Path) -> Self {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        Self { lock_file: name.into() }
    }

    /// Waits until this process holds the lease. It is then not lost before the guard is dropped.
    pub async fn acquire(&self) -> LeaseGuard {
        let file = retry_until_locked(|| ready(self.try_lock())).await;
        let (sender, receiver) = watch::channel(None);
        LeaseGuard::new(receiver, Lock::File { _file: file, _lost: sender })
    }

    /// # Errors
    /// Returns the error with the path of the lock file.
    fn try_lock(&self) -> Result<Option<File>, String> {
        let locked = || -> io::Result<Option<File>> {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&self.lock_file)?;
            match file.try_lock() {
                Ok(()) => Ok(Some(file)),
                Err(TryLockError::WouldBlock) => Ok(None),
                Err(TryLockError::Error(error)) => Err(error),
            }
        };
        locked().map_err(|error| format!("{}: {error}", self.lock_file.display()))
    }
}
