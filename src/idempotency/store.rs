//! The store of idempotency records.

use async_trait::async_trait;
use payoutd_actors::ports::{IdempotencyKeyHash, IdempotencyRecord, Unavailable};
use payoutd_domain::Timestamp;

/// Builds the record of a write from its result. The store calls it before it commits both.
pub type RecordFor<'a, T> = &'a (dyn Fn(&T) -> Option<IdempotencyRecord> + Send + Sync);

/// A [`RecordFor`] that stores no record.
#[must_use]
pub fn no_record<T: ?Sized>(_: &T) -> Option<IdempotencyRecord> {
    None
}

#[async_trait]
pub trait IdempotencyStore: Send + Sync + 'static {
    /// The record with this key hash, unless it has expired at `now`.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be read.
    async fn find_record(
        &self,
        key_hash: IdempotencyKeyHash,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, Unavailable>;

    /// Inserts a record and returns it. If a record with the same key hash has not expired at the new record's
    /// `created_at`, that one stays and is returned.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be written.
    async fn insert_record(&self, record: &IdempotencyRecord) -> Result<IdempotencyRecord, Unavailable>;

    /// Deletes at most `limit` records that have expired at `now`. Returns the number of deleted records.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be written.
    async fn purge_expired_records(&self, now: Timestamp, limit: u32) -> Result<u64, Unavailable>;
}
