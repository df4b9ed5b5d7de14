//! Group commit: whatever is waiting when the last commit returns goes into the next one.
//!
//! No delay is ever added to fill a batch. Creations, recorded inputs and loads are gathered apart, each kind the same
//! way. A payout's writes stay in order, because its actor waits for one before it makes the next.

mod queue;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::queue::{BatchQueue, QueuedWrite};
use crate::ports::{Append, Appended, BatchError, Create, Created, Journal, Stored, Unavailable};
use payoutd_domain::PayoutId;

/// The shape of group commit.
#[derive(Debug, Clone, Copy)]
pub struct GroupCommitConfig {
    /// The most commits under way at once, per kind of write. One for a store with one writer. A second one is begun
    /// beside the first only once a whole batch waits or the first takes long: one commit of two changes costs less than
    /// two commits.
    pub max_in_flight: usize,
    /// The most writes in one commit.
    pub max_batch: usize,
}

/// Why a write has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The store refused this very write.
    #[error("the journal refused the write: {0}")]
    Rejected(String),
    /// Nothing was written; try again later.
    #[error("the journal is unavailable: {0}")]
    Unavailable(String),
    /// It may be written or not: only the store can tell.
    #[error("the outcome of the commit is unknown: {0}")]
    Unknown(String),
}

impl From<BatchError> for CommitError {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::Rejected(why) => Self::Rejected(why),
            BatchError::Unavailable(why) => Self::Unavailable(why),
            BatchError::Unknown(why) => Self::Unknown(why),
        }
    }
}

type Sender<W, R> = mpsc::Sender<QueuedWrite<W, R>>;

/// The way to the journal for everybody who writes. Cheap to clone.
#[derive(Clone)]
pub struct GroupCommit {
    creates: Sender<Create, Created>,
    appends: Sender<Append, Appended>,
    loads: Sender<PayoutId, Option<Stored>>,
    closing: Arc<watch::Sender<bool>>,
}

impl GroupCommit {
    /// Starts the lanes over `journal`. They end when they are [closed](Self::close) or every handle is dropped; a
    /// lane that ends before that has died, and whoever holds the set must end the process.
    #[must_use]
    pub fn start(journal: Arc<dyn Journal>, config: GroupCommitConfig) -> (Self, JoinSet<()>) {
        let mut tasks = JoinSet::new();
        let closing = Arc::new(watch::Sender::new(false));
        let queue = |kind| BatchQueue { kind, config, closing: closing.subscribe() };
        let creates = queue("create").start(&mut tasks, {
            let journal = Arc::clone(&journal);
            move |batch: Vec<Create>| {
                let journal = Arc::clone(&journal);
                async move { journal.create(&batch).await }
            }
        });
        let appends = queue("append").start(&mut tasks, {
            let journal = Arc::clone(&journal);
            move |batch: Vec<Append>| {
                let journal = Arc::clone(&journal);
                async move { journal.append(&batch).await }
            }
        });
        let loads = queue("load").start(&mut tasks, move |batch: Vec<PayoutId>| {
            let journal = Arc::clone(&journal);
            async move { journal.load(&batch).await.map_err(|Unavailable(why)| BatchError::Unavailable(why)) }
        });
        (Self { creates, appends, loads, closing }, tasks)
    }

    /// Takes no more work. What waits already is still committed and answered, and then the lanes end.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Creates a payout.
    ///
    /// # Errors
    /// Where the write has no result.
    pub async fn create(&self, write: Create) -> Result<Created, CommitError> {
        submit(&self.creates, write).await
    }

    /// Records an input.
    ///
    /// # Errors
    /// Where the write has no result.
    pub async fn append(&self, write: Append) -> Result<Appended, CommitError> {
        submit(&self.appends, write).await
    }

    /// Loads a payout.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    pub async fn load(&self, id: PayoutId) -> Result<Option<Stored>, Unavailable> {
        submit(&self.loads, id).await.map_err(|error| Unavailable(error.to_string()))
    }
}

async fn submit<W, R>(queue: &Sender<W, R>, work: W) -> Result<R, CommitError> {
    let (reply, result) = oneshot::channel();
    let gone = || CommitError::Unavailable("group commit has stopped".into());
    queue.send(QueuedWrite { work, since: Instant::now(), reply }).await.map_err(|_| gone())?;
    result.await.map_err(|_| CommitError::Unknown("group commit stopped while it was committing".into()))?
}
