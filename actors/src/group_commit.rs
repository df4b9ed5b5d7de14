//! Group commit: the writes that are queued when a commit returns go into the next commit.
//!
//! No delay is added to fill a batch. Creations, appends and loads have a queue each. A payout's writes stay in order,
//! because its actor waits for the result of one before it submits the next.

mod config;
mod error;
mod queue;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use self::config::GroupCommitConfig;
pub use self::error::CommitError;
use self::queue::{BatchQueue, QueuedWork};
use crate::ports::{Append, Appended, BatchError, Create, Created, Journal, Stored, Unavailable};
use payoutd_domain::PayoutId;

type QueueSender<W, R> = mpsc::Sender<QueuedWork<W, R>>;

/// A handle to the queues, through which actors and readers use the journal. Cheap to clone.
#[derive(Clone)]
pub struct GroupCommit {
    creates: QueueSender<Create, Created>,
    appends: QueueSender<Append, Appended>,
    loads: QueueSender<PayoutId, Option<Stored>>,
    closing: Arc<watch::Sender<bool>>,
}

impl GroupCommit {
    /// Starts a task per queue on `journal`. The tasks end after [`close`](Self::close), or when every handle is
    /// dropped. A task that ends earlier has failed, and the owner of the set must end the process.
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

    /// Refuses new work. Work that is queued already is still committed, and then the tasks end.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Creates a payout.
    ///
    /// # Errors
    /// Returns a `CommitError` if the write has no result.
    pub async fn create(&self, write: Create) -> Result<Created, CommitError> {
        submit(&self.creates, write).await
    }

    /// Appends an entry to a payout's journal.
    ///
    /// # Errors
    /// Returns a `CommitError` if the write has no result.
    pub async fn append(&self, write: Append) -> Result<Appended, CommitError> {
        submit(&self.appends, write).await
    }

    /// Loads a payout.
    ///
    /// # Errors
    /// Returns `Unavailable` if the journal cannot be read.
    pub async fn load(&self, id: PayoutId) -> Result<Option<Stored>, Unavailable> {
        submit(&self.loads, id).await.map_err(|error| Unavailable(error.to_string()))
    }
}

async fn submit<W, R>(queue: &QueueSender<W, R>, work: W) -> Result<R, CommitError> {
    let (reply, result) = oneshot::channel();
    let closed = || CommitError::Unavailable("group commit has stopped".into());
    queue.send(QueuedWork { work, since: Instant::now(), reply }).await.map_err(|_| closed())?;
    result.await.map_err(|_| CommitError::Unknown("group commit stopped during the commit".into()))?
}
