//! When a commit is begun, and what goes with it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payoutd_actors::group_commit::{GroupCommit, GroupCommitConfig};
use payoutd_actors::ports::{Append, Appended, BatchError, Create, Created, Journal, Stored, Unavailable};
use payoutd_actors::testing::sample::id;
use payoutd_domain::{PayoutId, Timestamp};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// Says which batches it was given, and answers one for each permit.
struct Gated {
    given: mpsc::UnboundedSender<Vec<PayoutId>>,
    gate: Arc<Semaphore>,
}

#[async_trait]
impl Journal for Gated {
    async fn load(&self, ids: &[PayoutId]) -> Result<Vec<Option<Stored>>, Unavailable> {
        self.given.send(ids.to_vec()).expect("the scene is there");
        self.gate.acquire().await.expect("the gate is there").forget();
        Ok(ids.iter().map(|_| None).collect())
    }

    async fn create(&self, _: &[Create]) -> Result<Vec<Created>, BatchError> {
        unreachable!("only loads are made here")
    }

    async fn append(&self, _: &[Append]) -> Result<Vec<Appended>, BatchError> {
        unreachable!("only loads are made here")
    }

    async fn due(&self, _: Timestamp, _: u32) -> Result<Vec<PayoutId>, Unavailable> {
        unreachable!("only loads are made here")
    }
}

struct Scene {
    commits: GroupCommit,
    queues: JoinSet<()>,
    given: mpsc::UnboundedReceiver<Vec<PayoutId>>,
    gate: Arc<Semaphore>,
    asked: JoinSet<Option<Stored>>,
}

impl Scene {
    fn new(max_in_flight: usize) -> Self {
        let (sender, given) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let journal = Gated { given: sender, gate: Arc::clone(&gate) };
        let (commits, queues) =
            GroupCommit::start(Arc::new(journal), GroupCommitConfig { max_in_flight, max_batch: 4 });
        Self { commits, queues, given, gate, asked: JoinSet::new() }
    }

    /// Asks for these, and returns the batches that are begun without time passing.
    async fn ask(&mut self, numbers: std::ops::Range<u64>) -> Vec<Vec<PayoutId>> {
        for number in numbers {
            let commits = self.commits.clone();
            self.asked.spawn(async move { commits.load(id(number)).await.expect("a load without faults") });
        }
        self.begun().await
    }

    async fn begun(&mut self) -> Vec<Vec<PayoutId>> {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        std::iter::from_fn(|| self.given.try_recv().ok()).collect()
    }

    async fn end_one(&mut self) -> Vec<Vec<PayoutId>> {
        self.gate.add_permits(1);
        self.begun().await
    }
}

fn ids(numbers: std::ops::Range<u64>) -> Vec<PayoutId> {
    numbers.map(id).collect()
}

#[tokio::test(start_paused = true)]
async fn what_comes_during_a_commit_goes_with_the_next() {
    let mut scene = Scene::new(2);
    assert_eq!(scene.ask(0..1).await, [ids(0..1)], "nothing is under way: at once");
    assert_eq!(scene.ask(1..3).await, [] as [Vec<PayoutId>; 0]);
    assert_eq!(scene.ask(3..4).await, [] as [Vec<PayoutId>; 0]);
    assert_eq!(scene.end_one().await, [ids(1..4)]);
    assert_eq!(scene.end_one().await, [] as [Vec<PayoutId>; 0]);
    assert_eq!(scene.asked.join_all().await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_whole_batch_is_begun_beside_another_but_never_one_too_many() {
    let mut scene = Scene::new(2);
    assert_eq!(scene.ask(0..1).await, [ids(0..1)]);
    assert_eq!(scene.ask(1..4).await, [] as [Vec<PayoutId>; 0]);
    assert_eq!(scene.ask(4..5).await, [ids(1..5)], "four are a batch");
    assert_eq!(scene.ask(5..15).await, [] as [Vec<PayoutId>; 0], "two are under way");
    assert_eq!(scene.end_one().await, [ids(5..9)]);
    assert_eq!(scene.end_one().await, [ids(9..13)]);
    assert_eq!(scene.end_one().await, [] as [Vec<PayoutId>; 0], "two are no batch, and one is under way");
    assert_eq!(scene.end_one().await, [ids(13..15)]);
}

#[tokio::test(start_paused = true)]
async fn one_that_takes_long_does_not_hold_up_the_next() {
    let mut scene = Scene::new(2);
    assert_eq!(scene.ask(0..1).await, [ids(0..1)]);
    assert_eq!(scene.ask(1..2).await, [] as [Vec<PayoutId>; 0]);
    tokio::time::advance(Duration::from_millis(60)).await;
    assert_eq!(scene.begun().await, [ids(1..2)]);
    assert_eq!(scene.ask(2..3).await, [] as [Vec<PayoutId>; 0]);
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(scene.begun().await, [] as [Vec<PayoutId>; 0], "two are under way");
}

#[tokio::test(start_paused = true)]
async fn a_store_with_one_writer_is_given_one_batch_at_a_time() {
    let mut scene = Scene::new(1);
    assert_eq!(scene.ask(0..1).await, [ids(0..1)]);
    assert_eq!(scene.ask(1..9).await, [] as [Vec<PayoutId>; 0]);
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(scene.begun().await, [] as [Vec<PayoutId>; 0]);
    assert_eq!(scene.end_one().await, [ids(1..5)]);
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_is_closed_ends_after_what_waits() {
    let mut scene = Scene::new(1);
    scene.ask(0..3).await;
    scene.commits.close();
    assert_eq!(scene.begun().await, [] as [Vec<PayoutId>; 0]);
    scene.gate.add_permits(2);
    scene.queues.join_all().await;
    assert_eq!(scene.asked.join_all().await.len(), 3);
    assert!(scene.commits.load(id(9)).await.is_err(), "nothing is taken any more");
}
