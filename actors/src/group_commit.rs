//! Group commit: whatever is waiting when the last commit returns goes into the next one.
//!
//! No delay is ever added to fill a batch. Writes go to one of a few lanes chosen by payout (or quote), so a lane's
//! commits never wait for one another's rows, and a payout's writes stay in order. Loads are gathered the same way.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::failpoint;
use crate::payout::PayoutId;
use crate::ports::{Append, Appended, BatchError, Create, Created, Journal, Stored, Unavailable};

/// The shape of group commit.
#[derive(Debug, Clone, Copy)]
pub struct GroupCommitConfig {
    /// Commits under way at once, per kind of write. One for a store with one writer.
    pub lanes: usize,
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

struct Waiting<W, R> {
    work: W,
    reply: oneshot::Sender<Result<R, CommitError>>,
}

type Lanes<W, R> = Arc<[mpsc::Sender<Waiting<W, R>>]>;

/// The way to the journal for everybody who writes. Cheap to clone.
#[derive(Clone)]
pub struct GroupCommit {
    creates: Lanes<Create, Created>,
    appends: Lanes<Append, Appended>,
    loads: Lanes<PayoutId, Option<Stored>>,
    closing: Arc<watch::Sender<bool>>,
}

impl GroupCommit {
    /// Starts the lanes over `journal`. They end when they are [closed](Self::close) or every handle is dropped; a
    /// lane that ends before that has died, and whoever holds the set must end the process.
    #[must_use]
    pub fn start(journal: Arc<dyn Journal>, config: GroupCommitConfig) -> (Self, JoinSet<()>) {
        let mut tasks = JoinSet::new();
        let closing = Arc::new(watch::Sender::new(false));
        let starting = |kind| Lane { kind, max_batch: config.max_batch.max(1), closing: closing.subscribe() };
        let creates = lanes(&mut tasks, config.lanes, &starting("create"), {
            let journal = Arc::clone(&journal);
            move |batch: Vec<Create>| {
                let journal = Arc::clone(&journal);
                async move { journal.create(&batch).await }
            }
        });
        let appends = lanes(&mut tasks, config.lanes, &starting("append"), {
            let journal = Arc::clone(&journal);
            move |batch: Vec<Append>| {
                let journal = Arc::clone(&journal);
                async move { journal.append(&batch).await }
            }
        });
        let loads = lanes(&mut tasks, config.lanes, &starting("load"), move |batch: Vec<PayoutId>| {
            let journal = Arc::clone(&journal);
            async move { journal.load(&batch).await.map_err(|Unavailable(why)| BatchError::Unavailable(why)) }
        });
        (Self { creates, appends, loads, closing }, tasks)
    }

    /// Takes no more work. What waits already is still committed and answered, and then the lanes end.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Creates a payout. Several creations from one quote meet in one lane.
    ///
    /// # Errors
    /// Where the write has no result.
    pub async fn create(&self, write: Create) -> Result<Created, CommitError> {
        let lane = lane_of(&write.payout.terms.quote_id, self.creates.len());
        submit(&self.creates[lane], write).await
    }

    /// Records an input.
    ///
    /// # Errors
    /// Where the write has no result.
    pub async fn append(&self, write: Append) -> Result<Appended, CommitError> {
        let lane = lane_of(&write.payout_id(), self.appends.len());
        submit(&self.appends[lane], write).await
    }

    /// Loads a payout.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    pub async fn load(&self, id: PayoutId) -> Result<Option<Stored>, Unavailable> {
        let lane = lane_of(&id, self.loads.len());
        submit(&self.loads[lane], id).await.map_err(|error| Unavailable(error.to_string()))
    }
}

fn lane_of(key: &impl Hash, lanes: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    usize::try_from(hasher.finish() % (lanes as u64)).unwrap_or(0)
}

async fn submit<W, R>(lane: &mpsc::Sender<Waiting<W, R>>, work: W) -> Result<R, CommitError> {
    let (reply, result) = oneshot::channel();
    let gone = || CommitError::Unavailable("group commit has stopped".into());
    lane.send(Waiting { work, reply }).await.map_err(|_| gone())?;
    result.await.map_err(|_| CommitError::Unknown("group commit stopped while it was committing".into()))?
}

/// What a lane needs to know besides how to commit.
#[derive(Clone)]
struct Lane {
    kind: &'static str,
    max_batch: usize,
    closing: watch::Receiver<bool>,
}

fn lanes<W, R, F, Fut>(tasks: &mut JoinSet<()>, count: usize, lane: &Lane, commit: F) -> Lanes<W, R>
where
    W: Clone + Send + 'static,
    R: Send + 'static,
    F: Fn(Vec<W>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Vec<R>, BatchError>> + Send + 'static,
{
    (0..count.max(1))
        .map(|_| {
            let (sender, receiver) = mpsc::channel(lane.max_batch * 2);
            tasks.spawn(lane.clone().run(receiver, commit.clone()));
            sender
        })
        .collect()
}

impl Lane {
    async fn run<W, R, F, Fut>(mut self, mut waiting: mpsc::Receiver<Waiting<W, R>>, commit: F)
    where
        W: Clone,
        F: Fn(Vec<W>) -> Fut + Sync,
        Fut: Future<Output = Result<Vec<R>, BatchError>> + Send + 'static,
    {
        let mut gathered = Vec::with_capacity(self.max_batch);
        while self.gather(&mut waiting, &mut gathered).await > 0 {
            let (batch, replies): (Vec<W>, Vec<_>) = gathered.drain(..).map(|w| (w.work, w.reply)).unzip();
            observe_batch(self.kind, batch.len(), waiting.len());
            failpoint::pass("batch-gathered");
            let started = Instant::now();
            let results = commit_or_singly(&commit, batch).await;
            metrics::histogram!("payoutd_group_commit_seconds", "kind" => self.kind)
                .record(started.elapsed());
            failpoint::pass("batch-committed");
            assert_eq!(results.len(), replies.len(), "a journal gives one result per write");
            for (reply, result) in replies.into_iter().zip(results) {
                // Whoever asked may have stopped waiting; the write stands all the same.
                let _ = reply.send(result);
            }
        }
    }

    /// Waits for work and takes what is there. Nothing comes any more once the lane is closed and empty.
    async fn gather<T>(&mut self, waiting: &mut mpsc::Receiver<T>, gathered: &mut Vec<T>) -> usize {
        if !waiting.is_closed() {
            tokio::select! {
                biased;
                count = waiting.recv_many(gathered, self.max_batch) => return count,
                // An error means that no handle is left, which closes it just the same.
                _ = self.closing.wait_for(|closing| *closing) => waiting.close(),
            }
        }
        waiting.recv_many(gathered, self.max_batch).await
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges and histograms are floats")]
fn observe_batch(kind: &'static str, size: usize, left_waiting: usize) {
    metrics::histogram!("payoutd_group_commit_batch_size", "kind" => kind).record(size as f64);
    metrics::gauge!("payoutd_group_commit_depth", "kind" => kind).set(left_waiting as f64);
}

/// Commits a batch; where the store refuses it as a whole, each write alone, once, so that a poisoned write fails
/// nobody but itself.
async fn commit_or_singly<W, R, F, Fut>(commit: &F, batch: Vec<W>) -> Vec<Result<R, CommitError>>
where
    W: Clone,
    F: Fn(Vec<W>) -> Fut + Sync,
    Fut: Future<Output = Result<Vec<R>, BatchError>> + Send + 'static,
{
    let size = batch.len();
    // The copy is shallow: writes hold their payloads behind `Arc`s.
    match commit(batch.clone()).await {
        Ok(results) => results.into_iter().map(Ok).collect(),
        Err(BatchError::Rejected(why)) if size > 1 => {
            tracing::warn!(size, why, "the journal refused a batch; committing its writes one by one");
            let mut results = Vec::with_capacity(size);
            for write in batch {
                results.push(commit_single(commit, write).await);
            }
            results
        }
        Err(error) => (0..size).map(|_| Err(error.clone().into())).collect(),
    }
}

async fn commit_single<W, R, F, Fut>(commit: &F, write: W) -> Result<R, CommitError>
where
    F: Fn(Vec<W>) -> Fut + Sync,
    Fut: Future<Output = Result<Vec<R>, BatchError>> + Send + 'static,
{
    let mut results = commit(vec![write]).await?;
    results.pop().ok_or_else(|| CommitError::Unknown("the journal gave no result".into()))
}
