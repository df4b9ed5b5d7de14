//! Owning the database for as long as the process runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use payoutd_actors::handle::PayoutsHandle;

use crate::ops::Check;
use crate::store::{LeaseGuard, Store};

/// Whether the database is ours now, for `/readyz`.
#[derive(Debug, Default)]
pub(super) struct LeaseStatus(AtomicBool);

#[async_trait]
impl Check for LeaseStatus {
    async fn check(&self) -> Result<(), String> {
        if self.0.load(Ordering::Relaxed) { Ok(()) } else { Err("standing by for the database".into()) }
    }
}

impl LeaseStatus {
    /// Waits until the database is ours.
    pub(super) async fn take(&self, store: &Arc<dyn Store>) -> LeaseGuard {
        let held = store.own().await;
        self.0.store(true, Ordering::Relaxed);
        tracing::info!("this process owns the database");
        held
    }
}

/// How long a database that answers again may still be held by somebody else before we give way.
const PATIENCE: Duration = Duration::from_secs(10);

/// Keeps the database ours. A restart of the database ends every session, ours with the lease among them: it is taken
/// again, and everything in memory forgotten, because another process may have written meanwhile. Returns only when
/// another process holds the database.
pub(super) async fn keep(
    ownership: Arc<LeaseStatus>,
    mut held: LeaseGuard,
    store: Arc<dyn Store>,
    payouts: PayoutsHandle,
) -> String {
    loop {
        let why = held.lost().await;
        ownership.0.store(false, Ordering::Relaxed);
        payouts.disable_memory_reads();
        tracing::warn!(why, "the lease on the database is lost; taking it again");
        while store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        match tokio::time::timeout(PATIENCE, ownership.take(&store)).await {
            Ok(again) => held = again,
            Err(_) => return "another process owns the database".into(),
        }
        payouts.evict_all().await;
    }
}
