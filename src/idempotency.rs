//! Answers to named requests, kept so that repeating a request does nothing twice.
//!
//! An answer that tells of an effect is kept in the transaction that has the effect: [`Journal::create`], and the ports
//! that take one beside what they write. One that tells of none, or of one that may safely happen again, is kept right
//! before it goes out, through [`IdempotencyStore`].
//!
//! [`Journal::create`]: payoutd_actors::ports::Journal::create

use async_trait::async_trait;
use payoutd_actors::ports::{IdempotencyKeyHash, IdempotencyRecord, Unavailable};
use payoutd_domain::Timestamp;

/// Makes the answer that is to be kept with an effect, once it is known what that will be.
pub type RecordFor<'a, T> = &'a (dyn Fn(&T) -> Option<IdempotencyRecord> + Send + Sync);

/// For effects nobody is to be answered for twice.
#[must_use]
pub fn unkept<T: ?Sized>(_: &T) -> Option<IdempotencyRecord> {
    None
}

/// Where answers are kept.
#[async_trait]
pub trait IdempotencyStore: Send + Sync + 'static {
    /// The answer of this name, where it has not expired at `now`.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn find_answer(
        &self,
        name: IdempotencyKeyHash,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, Unavailable>;

    /// Keeps an answer, unless one of the same name has not expired at its `created_at`. Returns the one that is kept.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn keep_answer(&self, answer: &IdempotencyRecord) -> Result<IdempotencyRecord, Unavailable>;

    /// Forgets at most `limit` answers that have expired at `now`. Returns how many.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn forget_answers(&self, now: Timestamp, limit: u32) -> Result<u64, Unavailable>;
}
