//! Claims of idempotency keys, and their stored records.

use std::sync::Arc;
use std::time::Duration;

use payoutd_actors::ports::{Fingerprint, IdempotencyKeyHash, IdempotencyRecord, Unavailable};
use payoutd_domain::Timestamp;

use super::in_flight::{InFlightGuard, InFlightRequests};
use super::store::IdempotencyStore;

/// Identifies a request that has an idempotency key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IdempotencyContext {
    pub(crate) key_hash: IdempotencyKeyHash,
    pub(crate) fingerprint: Fingerprint,
}

/// Why a key cannot be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClaimError {
    /// The first request with this key is in progress.
    InProgress,
    /// A different request with this key is in progress.
    Conflict,
}

pub struct Idempotency {
    store: Arc<dyn IdempotencyStore>,
    ttl_seconds: u32,
    in_flight: InFlightRequests,
}

impl Idempotency {
    /// `ttl` is how long a record is replayed.
    #[must_use]
    pub fn new(store: Arc<dyn IdempotencyStore>, ttl: Duration) -> Self {
        let ttl_seconds = u32::try_from(ttl.as_secs()).unwrap_or(u32::MAX);
        Self { store, ttl_seconds, in_flight: InFlightRequests::default() }
    }

    /// Claims the key for one request, until the guard is dropped.
    ///
    /// # Errors
    /// Returns `InProgress` or `Conflict` if another request holds the key.
    pub(crate) fn claim(&self, context: IdempotencyContext) -> Result<InFlightGuard, ClaimError> {
        let IdempotencyContext { key_hash, fingerprint } = context;
        self.in_flight
            .claim(key_hash, fingerprint)
            .map_err(|other| if other == fingerprint { ClaimError::InProgress } else { ClaimError::Conflict })
    }

    /// The record of an earlier request with this key.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be read.
    pub(crate) async fn find(
        &self,
        context: IdempotencyContext,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, Unavailable> {
        self.store.find_record(context.key_hash, now).await
    }

    /// Inserts a record, unless the key already has one. Returns the record that is stored.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be written.
    pub(crate) async fn insert(&self, record: &IdempotencyRecord) -> Result<IdempotencyRecord, Unavailable> {
        self.store.insert_record(record).await
    }

    /// A record of the response to this request, which expires one TTL after `now`.
    pub(crate) fn record(
        &self,
        context: IdempotencyContext,
        status: u16,
        location: Option<Arc<str>>,
        body: Arc<str>,
        now: Timestamp,
    ) -> IdempotencyRecord {
        IdempotencyRecord {
            key_hash: context.key_hash,
            fingerprint: context.fingerprint,
            status,
            location,
            body,
            created_at: now,
            expires_at: now.plus_seconds(self.ttl_seconds),
        }
    }
}
