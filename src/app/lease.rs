//! The lease on the database, which this process holds as long as it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use payoutd_actors::handle::PayoutsHandle;

use crate::ops::Check;
use crate::runtime::shutdown::Shutdown;
use crate::store::{LeaseGuard, Store};

/// Whether this process holds the lease. A check of `/readyz`.
#[derive(Debug, Default)]
pub(super) struct LeaseStatus(AtomicBool);

#[async_trait]
impl Check for LeaseStatus {
    async fn check(&self) -> Result<(), String> {
        if self.0.load(Ordering::Relaxed) { Ok(()) } else { Err("standing by for the database".into()) }
    }
}

/// Waits until this process holds the lease.
pub(super) async fn acquire_lease(store: &dyn Store, status: &LeaseStatus) -> LeaseGuard {
    let guard = store.acquire_lease().await;
    status.0.store(true, Ordering::Relaxed);
    tracing::info!("this process holds the lease on the database");
    guard
}

/// The time to acquire a lost lease again once the database responds.
const REACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
const PING_INTERVAL: Duration = Duration::from_millis(200);

/// Acquires the lease again after it is lost. A restart of the database ends every session, including the one that
/// holds the lease.
pub(super) struct LeaseRenewal {
    pub(super) guard: LeaseGuard,
    pub(super) status: Arc<LeaseStatus>,
    pub(super) store: Arc<dyn Store>,
    pub(super) payouts: PayoutsHandle,
}

#[derive(Debug, thiserror::Error)]
#[error("another process holds the lease on the database")]
pub(super) struct LeaseTaken;

impl LeaseRenewal {
    /// Runs until shutdown is requested, then releases the lease.
    ///
    /// # Errors
    /// Returns `LeaseTaken` if another process holds the lease.
    pub(super) async fn run(mut self, mut shutdown: Shutdown) -> Result<(), LeaseTaken> {
        tokio::select! {
            () = shutdown.requested() => Ok(()),
            taken = self.renew() => Err(taken),
        }
    }

    /// Returns when another process holds the lease.
    async fn renew(&mut self) -> LeaseTaken {
        loop {
            let reason = self.guard.lost().await;
            self.status.0.store(false, Ordering::Relaxed);
            self.payouts.disable_memory_reads();
            tracing::warn!(reason, "the lease on the database is lost; acquiring it again");
            while self.store.ping().await.is_err() {
                tokio::time::sleep(PING_INTERVAL).await;
            }
            let acquired = acquire_lease(&*self.store, &self.status);
            match tokio::time::timeout(REACQUIRE_TIMEOUT, acquired).await {
                Ok(guard) => self.guard = guard,
                Err(_) => return LeaseTaken,
            }
            // Another process may have written in the meantime.
            self.payouts.evict_all().await;
        }
    }
}
