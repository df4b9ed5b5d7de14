//! One seed at the ports: the real actors, supervisor and group commit over a store, a broker and a clock that all follow
//! the seed. In the safety phase everything goes wrong, and no answer may ever be; in the liveness phase everything works
//! again, and whatever was sent must come to its end.

mod broker;
mod coverage;
mod life;
mod witness;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use payoutd_actors::testing::{FaultPlan, FaultRates, ManualClock, MemoryJournal, Random, sample};

use broker::Broker;
pub(crate) use coverage::Coverage;
use coverage::{CONFLICT, DIED_AFTER_COMMIT, DIED_BEFORE_COMMIT, PANICKED};
use life::{Around, Life};
use witness::{Line, Witness};

/// A seed that held.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LeaseGuard {
    /// The hash of everything that happened.
    pub(crate) trace: u64,
    /// What happened how often.
    pub(crate) coverage: Coverage,
}

/// A seed that did not hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Every panic, in order.
    pub(crate) panics: Vec<String>,
    /// The trace, where it was to be kept.
    pub(crate) lines: Vec<String>,
}

/// Runs one seed.
pub(crate) fn run(seed: u64, keep_lines: bool) -> Result<LeaseGuard, Violation> {
    watch_panics();
    PANICS.with_borrow_mut(Vec::clear);
    ORDERED.set(0);
    let witness = Witness::new(MemoryJournal::new(FaultPlan::default()), keep_lines);
    let held = catch_unwind(AssertUnwindSafe(|| live(seed, &witness)));
    let panics = PANICS.with_borrow_mut(std::mem::take);
    match held {
        Ok(held) if panics.is_empty() => Ok(held),
        Ok(_) | Err(_) => Err(Violation { panics, lines: witness.lines() }),
    }
}

/// A runtime of its own: dropping it is the death of the process, at whatever await everybody is.
fn process<T>(life: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(life)
}

fn live(seed: u64, witness: &Witness) -> LeaseGuard {
    let mut around = Around {
        random: Random::new(seed),
        clock: ManualClock::at(sample::at(0)),
        witness: witness.clone(),
        broker: Broker::new(witness.clone()),
        coverage: Coverage::of_one_seed(),
    };
    let journal = &witness.journal;
    for life in 0..1 + around.random.below(3) {
        let steps = 10 + around.random.below(110);
        witness.note(Line::Began { life, steps });
        let odds = odds(&mut around.random);
        journal.faults().inject_randomly(around.random.bits(), odds);
        process(async { Life::begin(&mut around).await.live_and_die(steps).await });
        let cut_off = journal.processes_killed();
        around.coverage.add(DIED_BEFORE_COMMIT, cut_off.before_commit);
        around.coverage.add(DIED_AFTER_COMMIT, cut_off.after_commit);
        around.broker.consumer_died();
        around.clock.panic_next(0);
        witness.note(Line::Process("died"));
        journal.assert_consistent();
        stop_at_panics();
    }
    journal.faults().clear();
    witness.faults_are_over();
    process(async { Life::begin(&mut around).await.live_on_and_end().await });
    stop_at_panics();
    journal.assert_consistent();
    witness.assert_all_stands();
    let mut coverage = around.coverage;
    coverage.add_journal(journal);
    coverage.merge(&witness.coverage());
    coverage.add(CONFLICT, journal.counts().conflicts);
    coverage.add(PANICKED, ORDERED.get());
    for (fault, times) in journal.faults().injected() {
        coverage.add(fault, times);
    }
    LeaseGuard { trace: witness.trace(), coverage }
}

fn odds(random: &mut Random) -> FaultRates {
    let mut some = |most: u64| random.below(most);
    FaultRates {
        unavailable: some(10),
        lose_response: some(10),
        lose_request: some(10),
        delayed_commit: some(8),
        serialization: some(6),
        slow: some(20),
        reject: some(6),
    }
}

thread_local! {
    /// Panics that nobody ordered: a task that dies of one would be missed otherwise.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// And how many there were of the others.
    static ORDERED: Cell<u64> = const { Cell::new(0) };
}

fn stop_at_panics() {
    let found = PANICS.with_borrow(Vec::len);
    assert_eq!(found, 0, "somebody panicked");
}

/// Keeps all panics quiet, and remembers those that nobody ordered.
fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let ours = std::thread::current().name().is_some_and(|name| name.starts_with("seeds"));
            let text = panic.to_string();
            if text.contains("injected by a test") {
                ORDERED.set(ORDERED.get() + 1);
            } else {
                PANICS.with_borrow_mut(|panics| panics.push(text));
                if !ours {
                    usual(panic);
                }
            }
        }));
    });
}
