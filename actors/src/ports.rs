//! The ports of this crate: a [`Journal`] and a [`Clock`].

mod idempotency_record;

use std::sync::Arc;

use async_trait::async_trait;

pub use idempotency_record::{Fingerprint, IdempotencyKeyHash, IdempotencyRecord};
use payoutd_domain::{
    Change, Entry, IllegalEvent, NewPayout, Payout, PayoutId, Snapshot, Timestamp, Version,
};

/// The clock that timestamps payouts.
pub trait Clock: Send + Sync + 'static {
    /// The current time. It may jump in either direction and is not used to measure durations.
    fn now(&self) -> Timestamp;
}

/// A payout as stored in its journal.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The immutable part.
    pub created: Arc<NewPayout>,
    /// Every entry recorded since the creation, oldest first.
    pub entries: Vec<Entry>,
}

impl Stored {
    /// Rebuilds the payout from its entries.
    ///
    /// # Errors
    /// Returns `IllegalEvent` if an entry is not a legal successor of the previous one.
    pub fn replay(&self) -> Result<Payout, IllegalEvent> {
        Payout::replay(Arc::clone(&self.created), &self.entries)
    }

    /// Every change since the creation, oldest first.
    ///
    /// # Errors
    /// Returns `IllegalEvent` if an entry is not a legal successor of the previous one.
    pub fn changes(&self) -> Result<Vec<Change>, IllegalEvent> {
        let mut payout = Payout::new(Arc::clone(&self.created));
        let mut changes = Vec::new();
        for entry in &self.entries {
            changes.extend(payout.apply(entry)?);
        }
        Ok(changes)
    }
}

/// The creation of a payout. One commit inserts its row and its outbox message and consumes its quote.
#[derive(Debug, Clone)]
pub struct Create {
    /// The payout.
    pub payout: Arc<NewPayout>,
    /// The change `payout.created`, to be published.
    pub change: Change,
    /// The idempotency record of the request. It is stored if the payout is inserted.
    pub record: Option<Arc<IdempotencyRecord>>,
    /// The W3C trace context of the request, which is published with the change.
    pub traceparent: Option<Arc<str>>,
}

/// The result of a [`Create`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The payout was inserted.
    Inserted,
    /// The quote was used by this payout. Nothing was written.
    QuoteUsed(PayoutId),
}

/// The consequences of one input. One commit writes a journal entry at the expected version, the payout's row, and the
/// outbox messages.
#[derive(Debug, Clone)]
pub struct Append {
    /// The version that the row must have. Otherwise nothing is written.
    pub expected: Version,
    /// The journal entry.
    pub entry: Arc<Entry>,
    /// The payout after the entry.
    pub after: Arc<Snapshot>,
    /// The changes to publish, oldest first.
    pub changes: Vec<Change>,
    /// The W3C trace context of the report, which is published with the changes.
    pub traceparent: Option<Arc<str>>,
}

impl Append {
    /// The payout to whose journal the entry is appended.
    #[must_use]
    pub fn payout_id(&self) -> PayoutId {
        self.after.payout.id
    }
}

/// The result of an [`Append`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// The entry is recorded.
    Committed,
    /// The row has another version or does not exist. Nothing was written.
    Conflict,
}

/// The store cannot be reached. The call had no effect and may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal is unavailable: {0}")]
pub struct Unavailable(pub String);

/// Why a whole batch has no results.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The store rejected the batch because of one of its writes. Nothing was written.
    #[error("the journal refused the batch: {0}")]
    Rejected(String),
    /// The store could not be reached, or requested a retry. Nothing was written.
    #[error("the journal is unavailable: {0}")]
    Unavailable(String),
    /// The connection was lost before the store replied. Either the whole batch is written or nothing.
    #[error("the outcome of the commit is unknown: {0}")]
    Unknown(String),
}

/// The journal of all payouts. It is authoritative; everything in memory is a copy of it.
///
/// A batch is one atomic commit. It has one result per write, in the order of the writes. A batch contains at most one
/// write per payout. It may contain several creations from one quote, of which at most one succeeds.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// The payouts with these ids, in the order of the ids; `None` for an id without a payout. An id may occur several
    /// times, because a reader and an actor may load the same payout at once.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be reached.
    async fn load(&self, ids: &[PayoutId]) -> Result<Vec<Option<Stored>>, Unavailable>;

    /// Creates payouts, consumes their quotes, and stores the idempotency records of those that are inserted. An
    /// existing record with the same key that has not expired is not replaced.
    ///
    /// # Errors
    /// Returns a `BatchError` if the batch as a whole has no results.
    async fn create(&self, batch: &[Create]) -> Result<Vec<Created>, BatchError>;

    /// Appends entries to the journals of payouts.
    ///
    /// # Errors
    /// Returns a `BatchError` if the batch as a whole has no results.
    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, BatchError>;

    /// At most `limit` payouts whose estimated delivery time has passed at `now`, that are not in an end state and not
    /// marked late; the longest overdue first.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be reached.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<PayoutId>, Unavailable>;
}
