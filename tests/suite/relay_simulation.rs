//! The relay over an outbox and a broker that follow a seed: the store fails, confirms get lost, the process dies. Whatever
//! was committed arrives at least once and in order per payout, and leaves the outbox only once it is safe (I7, I10).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use payoutd::outbox::{Backlog, Outbox, OutboxMessage, PublishError, Publisher, Relay, RelayConfig};
use payoutd::runtime::shutdown::shutdown_signal;
use payoutd_actors::ports::Unavailable;
use payoutd_actors::testing::{Random, sample};
use payoutd_domain::{ChangeKind, Mode, PayoutId, Sequence, Timestamp};

const SEEDS: u64 = 300;
const PAYOUTS: u64 = 6;
const STEPS: u64 = 60;
/// The longest pause of a relay is five seconds; it has time for many.
const PATIENCE: Duration = Duration::from_secs(300);

/// Everything that a relay stands between.
struct Ends {
    random: Random,
    faults: bool,
    next_id: i64,
    /// Committed and visible, by the outbox's number.
    waiting: BTreeMap<i64, OutboxMessage>,
    /// Has its number, and its transaction is not committed yet.
    committing: Vec<OutboxMessage>,
    sequences: BTreeMap<PayoutId, i64>,
    /// What arrived at the broker: the outbox's numbers, and the newest of each payout.
    arrived: BTreeSet<i64>,
    newest: BTreeMap<PayoutId, i64>,
    fired: BTreeMap<&'static str, u64>,
    violations: Vec<String>,
}

#[derive(Clone)]
struct World(Arc<Mutex<Ends>>);

impl World {
    fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Ends {
            random: Random::new(seed),
            faults: true,
            next_id: 0,
            waiting: BTreeMap::new(),
            committing: Vec::new(),
            sequences: BTreeMap::new(),
            arrived: BTreeSet::new(),
            newest: BTreeMap::new(),
            fired: BTreeMap::new(),
            violations: Vec::new(),
        })))
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.0.lock().unwrap()
    }

    fn below(&self, end: u64) -> u64 {
        self.ends().random.below(end)
    }

    async fn take_time(&self) {
        let millis = self.below(8);
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}

impl Ends {
    /// Whether this goes wrong now.
    fn strikes(&mut self, fault: &'static str, percent: u64) -> bool {
        let strikes = self.faults && self.random.chance(percent);
        *self.fired.entry(fault).or_default() += u64::from(strikes);
        strikes
    }

    /// A transaction takes a number, and is committed now or a while later. Never two at once of one payout.
    fn begin(&mut self) {
        let payout = sample::id(self.random.below(PAYOUTS));
        if self.committing.iter().any(|message| message.payout_id == payout) {
            return;
        }
        self.next_id += 1;
        let sequence = self.sequences.entry(payout).or_default();
        *sequence += 1;
        let message = message(self.next_id, payout, *sequence);
        if self.strikes("commit later than its number", 40) {
            self.committing.push(message);
        } else {
            self.waiting.insert(message.id, message);
        }
    }

    fn commit_all(&mut self) {
        let committing = std::mem::take(&mut self.committing);
        self.waiting.extend(committing.into_iter().map(|message| (message.id, message)));
    }

    fn arrives(&mut self, message: &OutboxMessage) {
        self.arrived.insert(message.id);
        let newest = self.newest.entry(message.payout_id).or_default();
        if message.sequence.0 > *newest + 1 {
            let (payout, sequence) = (message.payout_id, message.sequence.0);
            self.violations
                .push(format!("I7: {payout} is announced out of order: {sequence} after {newest}"));
        }
        *newest = message.sequence.0.max(*newest);
    }

    fn leaves(&mut self, id: i64) {
        if !self.arrived.contains(&id) {
            self.violations.push(format!("I7: message {id} left the outbox before the broker had it"));
        }
        self.waiting.remove(&id);
    }
}

fn message(id: i64, payout_id: PayoutId, sequence: i64) -> OutboxMessage {
    OutboxMessage {
        id,
        payout_id,
        sequence: Sequence(sequence),
        mode: Mode::Live,
        kind: ChangeKind::Updated,
        routing_key: "payout.updated.tron".into(),
        body: "{}".into(),
        traceparent: None,
    }
}

fn away<T>() -> Result<T, Unavailable> {
    Err(Unavailable("ordered by a test".into()))
}

#[async_trait]
impl Outbox for World {
    async fn pending(&self, mode: Mode, limit: u32) -> Result<Vec<OutboxMessage>, Unavailable> {
        self.take_time().await;
        let mut ends = self.ends();
        if ends.strikes("outbox not readable", 10) {
            return away();
        }
        let of_mode = ends.waiting.values().filter(|message| message.mode == mode);
        Ok(of_mode.take(limit as usize).cloned().collect())
    }

    async fn mark_published(&self, ids: &[i64]) -> Result<(), Unavailable> {
        self.take_time().await;
        let (before, after) = {
            let mut ends = self.ends();
            (ends.strikes("outbox not clearable", 8), ends.strikes("answer of the outbox lost", 8))
        };
        if before {
            return away();
        }
        ids.iter().for_each(|id| self.ends().leaves(*id));
        self.take_time().await;
        if after { away() } else { Ok(()) }
    }

    async fn backlog(&self) -> Result<Backlog, Unavailable> {
        Ok(Backlog { pending: self.ends().waiting.len() as u64, oldest: Some(Timestamp::EPOCH) })
    }
}

#[async_trait]
impl Publisher for World {
    async fn publish(&self, messages: &[OutboxMessage]) -> Vec<Result<(), PublishError>> {
        let mut results = Vec::new();
        let mut failed = BTreeSet::new();
        let gone = self.ends().strikes("broker away", 8);
        for message in messages {
            self.take_time().await;
            let mut ends = self.ends();
            let result = if gone {
                Err(PublishError::Unavailable("ordered by a test".into()))
            } else if failed.contains(&message.payout_id) {
                ends.arrives(message);
                Err(PublishError::EarlierMessageFailed)
            } else if ends.strikes("refused", 8) {
                Err(PublishError::Refused)
            } else if ends.strikes("lost on the way", 8) {
                Err(PublishError::TimedOut)
            } else {
                ends.arrives(message);
                if ends.strikes("confirm lost", 12) { Err(PublishError::TimedOut) } else { Ok(()) }
            };
            if result.is_err() {
                failed.insert(message.payout_id);
            }
            results.push(result);
        }
        self.take_time().await;
        results
    }
}

fn relay(world: &World) -> Relay {
    Relay {
        mode: Mode::Live,
        outbox: Arc::new(world.clone()),
        publisher: Arc::new(world.clone()),
        wakeup: Arc::default(),
        config: RelayConfig {
            batch: 1 + u32::try_from(world.below(20)).unwrap(),
            poll: Duration::from_millis(20),
        },
    }
}

/// What went wrong how often, and what was violated.
async fn run(seed: u64) -> (BTreeMap<&'static str, u64>, Vec<String>) {
    let world = World::new(seed);
    let mut deaths = 0;
    for _ in 0..3 {
        let (_stopper, stop) = shutdown_signal();
        let running = tokio::spawn(relay(&world).run(stop));
        for _ in 0..STEPS {
            match world.below(4) {
                0..2 => world.ends().begin(),
                2 => world.ends().commit_all(),
                _ => tokio::time::sleep(Duration::from_millis(world.below(60))).await,
            }
        }
        // The process dies, wherever it is.
        running.abort();
        deaths += u64::from(running.await.is_err());
    }
    {
        let mut ends = world.ends();
        ends.commit_all();
        ends.faults = false;
        ends.fired.insert("process died", deaths);
    }
    let (stopper, stop) = shutdown_signal();
    let running = tokio::spawn(relay(&world).run(stop));
    let began = tokio::time::Instant::now();
    while !world.ends().waiting.is_empty() && began.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stopper.request();
    running.await.unwrap();
    let mut ends = world.ends();
    if !ends.waiting.is_empty() {
        let left = format!("I10: {} messages are never published", ends.waiting.len());
        ends.violations.push(left);
    }
    if ends.newest != ends.sequences {
        let missing = format!("I7: announced {:?}, committed {:?}", ends.newest, ends.sequences);
        ends.violations.push(missing);
    }
    (ends.fired.clone(), ends.violations.clone())
}

#[tokio::test(start_paused = true)]
async fn every_seed_arrives_at_least_once_and_in_order() {
    let mut fired: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 1..=SEEDS {
        let (of_seed, violations) = run(seed).await;
        assert!(violations.is_empty(), "seed {seed}: {violations:#?}");
        for (fault, times) in of_seed {
            *fired.entry(fault).or_default() += times;
        }
    }
    assert!(
        fired.len() == 8 + 1 && fired.values().all(|times| *times > SEEDS),
        "every fault fired: {fired:?}"
    );
}
