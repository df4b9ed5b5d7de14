//! What the actors need from the world: a [`Journal`] and a [`Clock`].

mod idempotency_record;

use std::sync::Arc;

use async_trait::async_trait;

pub use idempotency_record::{Fingerprint, IdempotencyKeyHash, IdempotencyRecord};
use payoutd_domain::{
    Change, Entry, IllegalEvent, NewPayout, Payout, PayoutId, Snapshot, Timestamp, Version,
};

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The time now. May jump; nobody measures durations with it.
    fn now(&self) -> Timestamp;
}

/// A payout as its journal keeps it.
#[derive(Debug, Clone)]
pub struct Stored {
    /// What never changes.
    pub created: Arc<NewPayout>,
    /// Everything recorded since, oldest first.
    pub entries: Vec<Entry>,
}

impl Stored {
    /// Brings the payout back to life.
    ///
    /// # Errors
    /// Where the entries do not follow one another.
    pub fn replay(&self) -> Result<Payout, IllegalEvent> {
        Payout::replay(Arc::clone(&self.created), &self.entries)
    }

    /// Every change since the creation, oldest first.
    ///
    /// # Errors
    /// Returns `IllegalEvent` if the entries do not follow one another.
    pub fn changes(&self) -> Result<Vec<Change>, IllegalEvent> {
        let mut payout = Payout::new(Arc::clone(&self.created));
        let mut changes = Vec::new();
        for entry in &self.entries {
            changes.extend(payout.apply(entry)?);
        }
        Ok(changes)
    }
}

/// A payout to be created: its row and the announcement of it, and the quote consumed, in one commit.
#[derive(Debug, Clone)]
pub struct Create {
    /// The payout.
    pub payout: Arc<NewPayout>,
    /// `payout.created`.
    pub change: Change,
    /// The answer to whoever asked for it, to be kept where the payout is inserted.
    pub answer: Option<Arc<IdempotencyRecord>>,
    /// The W3C trace context the request came with, to travel on.
    pub traceparent: Option<Arc<str>>,
}

/// What became of a [`Create`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The payout is there.
    Inserted,
    /// The quote backs this payout already; nothing was written.
    QuoteUsed(PayoutId),
}

/// One input's consequences: a journal entry at the expected version, the payout's row as it is afterwards, and
/// the announcements, in one commit.
#[derive(Debug, Clone)]
pub struct Append {
    /// The version the row must have for this to be written.
    pub expected: Version,
    /// What to record.
    pub entry: Arc<Entry>,
    /// The payout afterwards.
    pub after: Arc<Snapshot>,
    /// What to publish, oldest first.
    pub changes: Vec<Change>,
    /// The W3C trace context the report came with, to travel on.
    pub traceparent: Option<Arc<str>>,
}

impl Append {
    /// Whose journal it goes to.
    #[must_use]
    pub fn payout_id(&self) -> PayoutId {
        self.after.payout.id
    }
}

/// What became of an [`Append`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is recorded.
    Committed,
    /// The row is not at the expected version (or not there): nothing was written.
    Conflict,
}

/// The store could not be asked. Nothing is known, nothing happened; ask again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal is unavailable: {0}")]
pub struct Unavailable(pub String);

/// Why a whole batch has no results.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The store refused it and nothing was written: one of the writes is to blame, the others are not.
    #[error("the journal refused the batch: {0}")]
    Rejected(String),
    /// The store could not be reached, or asked to try again. Nothing was written.
    #[error("the journal is unavailable: {0}")]
    Unavailable(String),
    /// The store was lost before it answered. Everything may be written, or nothing.
    #[error("the outcome of the commit is unknown: {0}")]
    Unknown(String),
}

/// Where payouts are recorded. The truth; everything in memory is a copy.
///
/// A batch is one atomic commit. Its results are one per write, in order. A batch never holds two writes of one
/// payout, but may hold several creations from one quote, of which at most one succeeds.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// The payouts with these ids, in order; `None` where there is none. An id may stand there several times: a reader
    /// and an actor may ask for one payout at once.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn load(&self, ids: &[PayoutId]) -> Result<Vec<Option<Stored>>, Unavailable>;

    /// Creates payouts, uses up their quotes, and keeps the answers of those that are inserted. An answer of the same
    /// name that has not expired stays as it is.
    ///
    /// # Errors
    /// Where the batch as a whole has no results.
    async fn create(&self, batch: &[Create]) -> Result<Vec<Created>, BatchError>;

    /// Records inputs.
    ///
    /// # Errors
    /// Where the batch as a whole has no results.
    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, BatchError>;

    /// At most `limit` payouts whose estimated delivery time has passed at `now`, that have not ended and are not
    /// yet marked late; the most overdue first.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<PayoutId>, Unavailable>;
}
