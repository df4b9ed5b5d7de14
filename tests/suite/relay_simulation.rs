//! A deterministic simulation of the relay: an outbox and a broker inject faults from a seed, and the process is killed.
//! Every committed message must reach the broker at least once, in order for each payout, and may be removed from the
//! outbox only afterwards (I7, I10).

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
/// The time for the relay to publish everything. The longest pause of a relay is five seconds.
const DEADLINE: Duration = Duration::from_secs(300);

/// The state of the outbox, the broker and the faults.
struct State {
    random: Random,
    faults: bool,
    next_id: i64,
    /// Committed messages in the outbox, by id.
    pending: BTreeMap<i64, OutboxMessage>,
    /// Messages with an id, whose transaction is not committed yet.
    committing: Vec<OutboxMessage>,
    sequences: BTreeMap<PayoutId, i64>,
    /// The ids of the messages that the broker has.
    arrived: BTreeSet<i64>,
    /// The highest sequence that the broker has, by payout.
    newest: BTreeMap<PayoutId, i64>,
    /// The number of injections of each fault.
    fired: BTreeMap<&'static str, u64>,
    violations: Vec<String>,
}

#[derive(Clone)]
struct Simulation(Arc<Mutex<State>>);

impl Simulation {
    fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: Random::new(seed),
            faults: true,
            next_id: 0,
            pending: BTreeMap::new(),
            committing: Vec::new(),
            sequences: BTreeMap::new(),
            arrived: BTreeSet::new(),
            newest: BTreeMap::new(),
            fired: BTreeMap::new(),
            violations: Vec::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn below(&self, end: u64) -> u64 {
        self.state().random.below(end)
    }

    async fn random_delay(&self) {
        let millis = self.below(8);
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}

impl State {
    /// Decides whether to inject the fault.
    fn inject(&mut self, fault: &'static str, percent: u64) -> bool {
        let inject = self.faults && self.random.chance(percent);
        *self.fired.entry(fault).or_default() += u64::from(inject);
        inject
    }

    /// Starts a transaction, which gets an id and commits now or later. A payout has at most one open transaction.
    fn begin(&mut self) {
        let payout = sample::id(self.random.below(PAYOUTS));
        if self.committing.iter().any(|message| message.payout_id == payout) {
            return;
        }
        self.next_id += 1;
        let sequence = self.sequences.entry(payout).or_default();
        *sequence += 1;
        let message = message(self.next_id, payout, *sequence);
        if self.inject("commit after a later id", 40) {
            self.committing.push(message);
        } else {
            self.pending.insert(message.id, message);
        }
    }

    fn commit_all(&mut self) {
        let committing = std::mem::take(&mut self.committing);
        self.pending.extend(committing.into_iter().map(|message| (message.id, message)));
    }

    fn receive(&mut self, message: &OutboxMessage) {
        self.arrived.insert(message.id);
        let newest = self.newest.entry(message.payout_id).or_default();
        if message.sequence.0 > *newest + 1 {
            let (payout, sequence) = (message.payout_id, message.sequence.0);
            self.violations
                .push(format!("I7: {payout} is published out of order: {sequence} after {newest}"));
        }
        *newest = message.sequence.0.max(*newest);
    }

    fn remove(&mut self, id: i64) {
        if !self.arrived.contains(&id) {
            self.violations
                .push(format!("I7: message {id} was removed from the outbox before the broker had it"));
        }
        self.pending.remove(&id);
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

fn unavailable<T>() -> Result<T, Unavailable> {
    Err(Unavailable("injected by a test".into()))
}

#[async_trait]
impl Outbox for Simulation {
    async fn pending(&self, mode: Mode, limit: u32) -> Result<Vec<OutboxMessage>, Unavailable> {
        self.random_delay().await;
        let mut state = self.state();
        if state.inject("outbox read fails", 10) {
            return unavailable();
        }
        let of_mode = state.pending.values().filter(|message| message.mode == mode);
        Ok(of_mode.take(limit as usize).cloned().collect())
    }

    async fn mark_published(&self, ids: &[i64]) -> Result<(), Unavailable> {
        self.random_delay().await;
        let (before, after) = {
            let mut state = self.state();
            (state.inject("outbox update fails", 8), state.inject("outbox response lost", 8))
        };
        if before {
            return unavailable();
        }
        ids.iter().for_each(|id| self.state().remove(*id));
        self.random_delay().await;
        if after { unavailable() } else { Ok(()) }
    }

    async fn backlog(&self) -> Result<Backlog, Unavailable> {
        Ok(Backlog { pending: self.state().pending.len() as u64, oldest: Some(Timestamp::EPOCH) })
    }
}

#[async_trait]
impl Publisher for Simulation {
    async fn publish(&self, messages: &[OutboxMessage]) -> Vec<Result<(), PublishError>> {
        let mut results = Vec::new();
        let mut failed = BTreeSet::new();
        let is_unavailable = self.state().inject("broker unavailable", 8);
        for message in messages {
            self.random_delay().await;
            let mut state = self.state();
            let result = if is_unavailable {
                Err(PublishError::Unavailable("injected by a test".into()))
            } else if failed.contains(&message.payout_id) {
                state.receive(message);
                Err(PublishError::EarlierMessageFailed)
            } else if state.inject("refused", 8) {
                Err(PublishError::Refused)
            } else if state.inject("message lost", 8) {
                Err(PublishError::TimedOut)
            } else {
                state.receive(message);
                if state.inject("confirm lost", 12) { Err(PublishError::TimedOut) } else { Ok(()) }
            };
            if result.is_err() {
                failed.insert(message.payout_id);
            }
            results.push(result);
        }
        self.random_delay().await;
        results
    }
}

fn relay(simulation: &Simulation) -> Relay {
    Relay {
        mode: Mode::Live,
        outbox: Arc::new(simulation.clone()),
        publisher: Arc::new(simulation.clone()),
        wakeup: Arc::default(),
        config: RelayConfig {
            batch: 1 + u32::try_from(simulation.below(20)).unwrap(),
            poll: Duration::from_millis(20),
        },
    }
}

/// Runs one seed. Returns the number of injections of each fault, and the violations.
async fn run(seed: u64) -> (BTreeMap<&'static str, u64>, Vec<String>) {
    let simulation = Simulation::new(seed);
    let mut kills = 0;
    for _ in 0..3 {
        let (_trigger, shutdown) = shutdown_signal();
        let running = tokio::spawn(relay(&simulation).run(shutdown));
        for _ in 0..STEPS {
            match simulation.below(4) {
                0..2 => simulation.state().begin(),
                2 => simulation.state().commit_all(),
                _ => tokio::time::sleep(Duration::from_millis(simulation.below(60))).await,
            }
        }
        // Kills the process at an arbitrary await point.
        running.abort();
        kills += u64::from(running.await.is_err());
    }
    {
        let mut state = simulation.state();
        state.commit_all();
        state.faults = false;
        state.fired.insert("process killed", kills);
    }
    let (trigger, shutdown) = shutdown_signal();
    let running = tokio::spawn(relay(&simulation).run(shutdown));
    let began = tokio::time::Instant::now();
    while !simulation.state().pending.is_empty() && began.elapsed() < DEADLINE {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    trigger.request();
    running.await.unwrap();
    let mut state = simulation.state();
    if !state.pending.is_empty() {
        let left = format!("I10: {} messages are never published", state.pending.len());
        state.violations.push(left);
    }
    if state.newest != state.sequences {
        let missing = format!("I7: published {:?}, committed {:?}", state.newest, state.sequences);
        state.violations.push(missing);
    }
    (state.fired.clone(), state.violations.clone())
}

#[tokio::test(start_paused = true)]
async fn every_message_arrives_at_least_once_and_in_order() {
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
