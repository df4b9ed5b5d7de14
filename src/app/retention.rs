//! The deletion of expired rows.

use std::sync::Arc;

use async_trait::async_trait;
use payoutd_actors::ports::{Clock, Unavailable};

use super::lifecycle::Application;
use crate::runtime::retention::{Purge, Retention};
use crate::store::Store;

/// How long a quote is kept after it expires. Later, its signature still proves that it existed.
const EXPIRED_QUOTE_RETENTION_SECONDS: u32 = 24 * 60 * 60;

impl Application {
    /// Spawns the deletion of expired idempotency records and quotes.
    pub(super) fn spawn_retention(&mut self) {
        let (store, clock) = (Arc::clone(&self.components.store), Arc::clone(&self.components.clock));
        let records = ExpiredRecords { store: Arc::clone(&store), clock: Arc::clone(&clock) };
        let records = Retention { rows: "idempotency records", purge: records };
        self.background.spawn("idempotency record retention", |shutdown| records.run(shutdown));
        let quotes = Retention { rows: "quotes", purge: ExpiredQuotes { store, clock } };
        self.background.spawn("quote retention", |shutdown| quotes.run(shutdown));
    }
}

struct ExpiredRecords {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Purge for ExpiredRecords {
    async fn purge(&self, limit: u32) -> Result<u64, Unavailable> {
        self.store.purge_expired_records(self.clock.now(), limit).await
    }
}

struct ExpiredQuotes {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Purge for ExpiredQuotes {
    async fn purge(&self, limit: u32) -> Result<u64, Unavailable> {
        let expired_before = self.clock.now().minus_seconds(EXPIRED_QUOTE_RETENTION_SECONDS);
        self.store.purge_quotes(expired_before, limit).await
    }
}
