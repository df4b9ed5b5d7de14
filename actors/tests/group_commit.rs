//! Group commit: when a commit starts, and which writes it contains.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payoutd_actors::group_commit::{GroupCommit, GroupCommitConfig};
use payoutd_actors::ports::{Append, Appended, BatchError, Create, Created, Journal, Stored, Unavailable};
use payoutd_actors::testing::sample::id;
use payoutd_domain::{PayoutId, Timestamp};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// A journal that reports each batch that it is given, and responds to one batch per permit.
struct GatedJournal {
    batches: mpsc::UnboundedSender<Vec<PayoutId>>,
    gate: Arc<Semaphore>,
}

#[async_trait]
impl Journal for GatedJournal {
    async fn load(&self, ids: &[PayoutId]) -> Result<Vec<Option<Stored>>, Unavailable> {
        self.batches.send(ids.to_vec()).expect("the fixture exists");
        self.gate.acquire().await.expect("the gate is not closed").forget();
        Ok(ids.iter().map(|_| None).collect())
    }

    async fn create(&self, _: &[Create]) -> Result<Vec<Created>, BatchError> {
        unreachable!("the tests only load")
    }

    async fn append(&self, _: &[Append]) -> Result<Vec<Appended>, BatchError> {
        unreachable!("the tests only load")
    }

    async fn due(&self, _: Timestamp, _: u32) -> Result<Vec<PayoutId>, Unavailable> {
        unreachable!("the tests only load")
    }
}

struct Fixture {
    commits: GroupCommit,
    queues: JoinSet<()>,
    batches: mpsc::UnboundedReceiver<Vec<PayoutId>>,
    gate: Arc<Semaphore>,
    loads: JoinSet<Option<Stored>>,
}

impl Fixture {
    fn new(max_in_flight: usize) -> Self {
        let (sender, batches) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let journal = GatedJournal { batches: sender, gate: Arc::clone(&gate) };
        let (commits, queues) =
            GroupCommit::start(Arc::new(journal), GroupCommitConfig { max_in_flight, max_batch: 4 });
        Self { commits, queues, batches, gate, loads: JoinSet::new() }
    }

    /// Loads these payouts, and returns the batches that start without time passing.
    async fn load(&mut self, numbers: std::ops::Range<u64>) -> Vec<Vec<PayoutId>> {
        for number in numbers {
            let commits = self.commits.clone();
            self.loads.spawn(async move { commits.load(id(number)).await.expect("a load without faults") });
        }
        self.started_batches().await
    }

    async fn started_batches(&mut self) -> Vec<Vec<PayoutId>> {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        std::iter::from_fn(|| self.batches.try_recv().ok()).collect()
    }

    async fn complete_one(&mut self) -> Vec<Vec<PayoutId>> {
        self.gate.add_permits(1);
        self.started_batches().await
    }
}

fn ids(numbers: std::ops::Range<u64>) -> Vec<PayoutId> {
    numbers.map(id).collect()
}

#[tokio::test(start_paused = true)]
async fn writes_submitted_during_a_commit_go_into_the_next() {
    let mut fixture = Fixture::new(2);
    assert_eq!(fixture.load(0..1).await, [ids(0..1)], "without a commit in flight, a commit starts at once");
    assert_eq!(fixture.load(1..3).await, [] as [Vec<PayoutId>; 0]);
    assert_eq!(fixture.load(3..4).await, [] as [Vec<PayoutId>; 0]);
    assert_eq!(fixture.complete_one().await, [ids(1..4)]);
    assert_eq!(fixture.complete_one().await, [] as [Vec<PayoutId>; 0]);
    assert_eq!(fixture.loads.join_all().await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_starts_beside_another_up_to_the_limit() {
    let mut fixture = Fixture::new(2);
    assert_eq!(fixture.load(0..1).await, [ids(0..1)]);
    assert_eq!(fixture.load(1..4).await, [] as [Vec<PayoutId>; 0]);
    assert_eq!(fixture.load(4..5).await, [ids(1..5)], "four writes are a full batch");
    assert_eq!(fixture.load(5..15).await, [] as [Vec<PayoutId>; 0], "two commits are in flight");
    assert_eq!(fixture.complete_one().await, [ids(5..9)]);
    assert_eq!(fixture.complete_one().await, [ids(9..13)]);
    assert_eq!(
        fixture.complete_one().await,
        [] as [Vec<PayoutId>; 0],
        "two writes are not a full batch, and one commit is in flight"
    );
    assert_eq!(fixture.complete_one().await, [ids(13..15)]);
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_batch_does_not_wait_for_a_long_commit() {
    let mut fixture = Fixture::new(2);
    assert_eq!(fixture.load(0..1).await, [ids(0..1)]);
    assert_eq!(fixture.load(1..2).await, [] as [Vec<PayoutId>; 0]);
    tokio::time::advance(Duration::from_millis(60)).await;
    assert_eq!(fixture.started_batches().await, [ids(1..2)]);
    assert_eq!(fixture.load(2..3).await, [] as [Vec<PayoutId>; 0]);
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(fixture.started_batches().await, [] as [Vec<PayoutId>; 0], "two commits are in flight");
}

#[tokio::test(start_paused = true)]
async fn with_a_limit_of_one_commit_batches_are_committed_one_at_a_time() {
    let mut fixture = Fixture::new(1);
    assert_eq!(fixture.load(0..1).await, [ids(0..1)]);
    assert_eq!(fixture.load(1..9).await, [] as [Vec<PayoutId>; 0]);
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(fixture.started_batches().await, [] as [Vec<PayoutId>; 0]);
    assert_eq!(fixture.complete_one().await, [ids(1..5)]);
}

#[tokio::test(start_paused = true)]
async fn a_closed_queue_ends_after_its_queued_writes() {
    let mut fixture = Fixture::new(1);
    fixture.load(0..3).await;
    fixture.commits.close();
    assert_eq!(fixture.started_batches().await, [] as [Vec<PayoutId>; 0]);
    fixture.gate.add_permits(2);
    fixture.queues.join_all().await;
    assert_eq!(fixture.loads.join_all().await.len(), 3);
    assert!(fixture.commits.load(id(9)).await.is_err(), "new loads are refused");
}
