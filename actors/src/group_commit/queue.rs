//! One kind of write: what waits, and the commits under way.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::{CommitError, GroupCommitConfig};
use crate::failpoint;
use crate::ports::BatchError;

/// A commit that takes longer, because of somebody's lock or a write that has to be found among others, does not hold up
/// what came after it.
const SECOND_COMMIT_AFTER: Duration = Duration::from_millis(50);

/// Work, and where its result goes.
pub(super) struct QueuedWrite<W, R> {
    pub(super) work: W,
    pub(super) since: Instant,
    pub(super) reply: oneshot::Sender<Result<R, CommitError>>,
}

/// A queue of one kind of work, and what commits it.
pub(super) struct BatchQueue {
    /// What metrics call it.
    pub(super) kind: &'static str,
    pub(super) config: GroupCommitConfig,
    /// Turns true when nothing more is to be taken.
    pub(super) closing: watch::Receiver<bool>,
}

impl BatchQueue {
    /// Starts it as one of `tasks`. As many writes wait in the queue as fill all commits that may be under way.
    pub(super) fn start<W, R, F, Fut>(
        self,
        tasks: &mut JoinSet<()>,
        commit: F,
    ) -> mpsc::Sender<QueuedWrite<W, R>>
    where
        W: Clone + Send + Sync + 'static,
        R: Send + 'static,
        F: Fn(Vec<W>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<R>, BatchError>> + Send + 'static,
    {
        let (sender, waiting) = mpsc::channel(self.max_batch() * self.max_in_flight());
        tasks.spawn(self.run(waiting, commit));
        sender
    }

    fn max_batch(&self) -> usize {
        self.config.max_batch.max(1)
    }

    fn max_in_flight(&self) -> usize {
        self.config.max_in_flight.max(1)
    }

    async fn run<W, R, F, Fut>(mut self, mut waiting: mpsc::Receiver<QueuedWrite<W, R>>, commit: F)
    where
        W: Clone + Send + Sync + 'static,
        R: Send + 'static,
        F: Fn(Vec<W>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<R>, BatchError>> + Send + 'static,
    {
        let mut in_flight = JoinSet::new();
        let mut batch = Vec::new();
        let mut more = true;
        let mut last_begun = Instant::now();
        while more || !batch.is_empty() || !in_flight.is_empty() {
            let room = self.max_batch() - batch.len();
            let held_up = !batch.is_empty() && in_flight.len() < self.max_in_flight();
            tokio::select! {
                // What waits goes with the next commit, so it is taken before that is begun.
                biased;
                count = waiting.recv_many(&mut batch, room), if more && room > 0 => more = count > 0,
                Some(ended) = in_flight.join_next() => ended.expect("a commit does not panic"),
                () = sleep_until(last_begun + SECOND_COMMIT_AFTER), if held_up => {}
                // An error means that no handle is left, which closes it just the same.
                _ = self.closing.wait_for(|closing| *closing), if !waiting.is_closed() => waiting.close(),
            }
            if self.may_commit(batch.len(), in_flight.len(), last_begun.elapsed()) {
                last_begun = Instant::now();
                observe_batch(self.kind, &batch, last_begun, waiting.len());
                let batch = std::mem::take(&mut batch);
                in_flight.spawn(commit_and_answer(self.kind, batch, commit.clone()));
            }
        }
    }

    /// Beside another commit only a whole batch is worth one of its own: less goes with the next one.
    fn may_commit(&self, batch: usize, in_flight: usize, since_last: Duration) -> bool {
        match in_flight {
            0 => batch > 0,
            _ if in_flight >= self.max_in_flight() => false,
            _ => batch == self.max_batch() || (batch > 0 && since_last >= SECOND_COMMIT_AFTER),
        }
    }
}

async fn commit_and_answer<W, R, F, Fut>(kind: &'static str, batch: Vec<QueuedWrite<W, R>>, commit: F)
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
    assert_eq!(results.len(), replies.len(), "a journal gives one result per write");
    for (reply, result) in replies.into_iter().zip(results) {
        // Whoever asked may have stopped waiting; the write stands all the same.
        let _ = reply.send(result);
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges and histograms are floats")]
fn observe_batch<W, R>(kind: &'static str, batch: &[QueuedWrite<W, R>], begun: Instant, left_waiting: usize) {
    let wait = metrics::histogram!("payoutd_group_commit_wait_seconds", "kind" => kind);
    batch.iter().for_each(|waiting| wait.record(begun.duration_since(waiting.since)));
    metrics::histogram!("payoutd_group_commit_batch_size", "kind" => kind).record(batch.len() as f64);
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
