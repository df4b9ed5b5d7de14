//! One queue of group commit: the queued work, and the commits in flight.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::config::GroupCommitConfig;
use super::error::CommitError;
use crate::failpoint;
use crate::ports::BatchError;

/// The time after which an incomplete batch no longer waits for the commit in flight, which may be blocked by a lock or
/// be retrying its writes one by one.
const SECOND_COMMIT_AFTER: Duration = Duration::from_millis(50);

/// Work, and the sender of its result.
pub(super) struct QueuedWork<W, R> {
    pub(super) work: W,
    pub(super) since: Instant,
    pub(super) reply: oneshot::Sender<Result<R, CommitError>>,
}

/// The task that commits one kind of work.
pub(super) struct BatchQueue {
    /// The value of the metrics label `kind`.
    pub(super) kind: &'static str,
    pub(super) config: GroupCommitConfig,
    /// Becomes true when the queue is to refuse new work.
    pub(super) closing: watch::Receiver<bool>,
}

impl BatchQueue {
    /// Spawns the task in `tasks` and returns the sender of its queue. The queue has room for as many writes as fit
    /// into the commits in flight.
    pub(super) fn start<W, R, F, Fut>(
        self,
        tasks: &mut JoinSet<()>,
        commit: F,
    ) -> mpsc::Sender<QueuedWork<W, R>>
    where
        W: Clone + Send + Sync + 'static,
        R: Send + 'static,
        F: Fn(Vec<W>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<R>, BatchError>> + Send + 'static,
    {
        let (sender, queued) = mpsc::channel(self.max_batch() * self.max_in_flight());
        tasks.spawn(self.run(queued, commit));
        sender
    }

    fn max_batch(&self) -> usize {
        self.config.max_batch.max(1)
    }

    fn max_in_flight(&self) -> usize {
        self.config.max_in_flight.max(1)
    }

    async fn run<W, R, F, Fut>(mut self, mut queued: mpsc::Receiver<QueuedWork<W, R>>, commit: F)
    where
        W: Clone + Send + Sync + 'static,
        R: Send + 'static,
        F: Fn(Vec<W>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<R>, BatchError>> + Send + 'static,
    {
        let mut in_flight = JoinSet::new();
        let mut batch = Vec::new();
        let mut is_open = true;
        let mut last_started = Instant::now();
        while is_open || !batch.is_empty() || !in_flight.is_empty() {
            let room = self.max_batch() - batch.len();
            let may_time_out = !batch.is_empty() && in_flight.len() < self.max_in_flight();
            tokio::select! {
                // Queued work goes into the next commit, so it is received before a commit starts.
                biased;
                count = queued.recv_many(&mut batch, room), if is_open && room > 0 => is_open = count > 0,
                Some(result) = in_flight.join_next() => result.expect("a commit does not panic"),
                () = sleep_until(last_started + SECOND_COMMIT_AFTER), if may_time_out => {}
                // An error means that every handle was dropped, which closes the queue as well.
                _ = self.closing.wait_for(|closing| *closing), if !queued.is_closed() => queued.close(),
            }
            if self.may_commit(batch.len(), in_flight.len(), last_started.elapsed()) {
                last_started = Instant::now();
                record_batch(self.kind, &batch, last_started, queued.len());
                let batch = std::mem::take(&mut batch);
                in_flight.spawn(commit_and_reply(self.kind, batch, commit.clone()));
            }
        }
    }

    /// Whether to start a commit. Beside a commit in flight, only a full batch or a delayed one gets its own.
    fn may_commit(&self, batch: usize, in_flight: usize, since_last: Duration) -> bool {
        match in_flight {
            0 => batch > 0,
            _ if in_flight >= self.max_in_flight() => false,
            _ => batch == self.max_batch() || (batch > 0 && since_last >= SECOND_COMMIT_AFTER),
        }
    }
}

async fn commit_and_reply<W, R, F, Fut>(kind: &'static str, batch: Vec<QueuedWork<W, R>>, commit: F)
where
    W: Clone,
    F: Fn(Vec<W>) -> Fut + Sync,
    Fut: Future<Output = Result<Vec<R>, BatchError>> + Send + 'static,
{
    let (batch, replies): (Vec<W>, Vec<_>) = batch.into_iter().map(|w| (w.work, w.reply)).unzip();
    failpoint::pass("batch-gathered");
    let started = Instant::now();
    let results = commit_or_singly(&commit, batch).await;
    metrics::histogram!("payoutd_group_commit_seconds", "kind" => kind).record(started.elapsed());
    failpoint::pass("batch-committed");
    assert_eq!(results.len(), replies.len(), "a journal returns one result per write");
    for (reply, result) in replies.into_iter().zip(results) {
        // The caller may have stopped waiting.
        let _ = reply.send(result);
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges and histograms are floats")]
fn record_batch<W, R>(
    kind: &'static str,
    batch: &[QueuedWork<W, R>],
    started: Instant,
    left_in_queue: usize,
) {
    let wait = metrics::histogram!("payoutd_group_commit_wait_seconds", "kind" => kind);
    batch.iter().for_each(|queued| wait.record(started.duration_since(queued.since)));
    metrics::histogram!("payoutd_group_commit_batch_size", "kind" => kind).record(batch.len() as f64);
    metrics::gauge!("payoutd_group_commit_depth", "kind" => kind).set(left_in_queue as f64);
}

/// Commits a batch. If the store rejects it as a whole, commits each write once by itself, so that the rejected write
/// does not fail the others.
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
            tracing::warn!(size, why, "the journal rejected a batch; committing its writes one by one");
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
    results.pop().ok_or_else(|| CommitError::Unknown("the journal returned no result".into()))
}
