//! The simulation of one seed: the real actors, supervisor and group commit on a store, a broker and a clock that are
//! determined by the seed. In the safety phase faults occur, and no reply may violate an invariant. In the liveness
//! phase no faults occur, and every published report must reach a final outcome.

mod broker;
mod checker;
mod coverage;
mod process;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use payoutd_actors::testing::{FaultPlan, FaultRates, ManualClock, MemoryJournal, Random, sample};

use broker::Broker;
use checker::{Checker, TraceEvent};
pub(crate) use coverage::Coverage;
use coverage::{CONFLICT, KILLED_AFTER_COMMIT, KILLED_BEFORE_COMMIT, PANICKED};
use process::{Environment, Process};

/// The result of a seed that passed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SeedResult {
    /// The hash of the trace.
    pub(crate) trace: u64,
    /// The number of times that each event occurred.
    pub(crate) coverage: Coverage,
}

/// The result of a seed that failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The panics, in order.
    pub(crate) panics: Vec<String>,
    /// The trace, if its lines were kept.
    pub(crate) lines: Vec<String>,
}

/// Runs one seed.
pub(crate) fn run(seed: u64, keep_lines: bool) -> Result<SeedResult, Violation> {
    install_panic_hook();
    PANICS.with_borrow_mut(Vec::clear);
    INJECTED_PANICS.set(0);
    let checker = Checker::new(MemoryJournal::new(FaultPlan::default()), keep_lines);
    let result = catch_unwind(AssertUnwindSafe(|| simulate(seed, &checker)));
    let panics = PANICS.with_borrow_mut(std::mem::take);
    match result {
        Ok(result) if panics.is_empty() => Ok(result),
        Ok(_) | Err(_) => Err(Violation { panics, lines: checker.lines() }),
    }
}

/// Runs a process on a runtime of its own. Dropping the runtime kills the process: its tasks stop at their current
/// await.
fn run_process<T>(process: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(process)
}

fn simulate(seed: u64, checker: &Checker) -> SeedResult {
    let mut environment = Environment {
        random: Random::new(seed),
        clock: ManualClock::at(sample::at(0)),
        checker: checker.clone(),
        broker: Broker::new(checker.clone()),
        coverage: Coverage::of_one_seed(),
    };
    let journal = &checker.journal;
    for number in 0..1 + environment.random.below(3) {
        let steps = 10 + environment.random.below(110);
        checker.note(TraceEvent::ProcessStarted { number, steps });
        let rates = fault_rates(&mut environment.random);
        journal.faults().inject_randomly(environment.random.bits(), rates);
        run_process(async { Process::start(&mut environment).await.run_until_killed(steps).await });
        let interrupted = journal.processes_killed();
        environment.coverage.add(KILLED_BEFORE_COMMIT, interrupted.before_commit);
        environment.coverage.add(KILLED_AFTER_COMMIT, interrupted.after_commit);
        environment.broker.consumer_killed();
        environment.clock.panic_next(0);
        checker.note(TraceEvent::Process("killed"));
        journal.assert_consistent();
        assert_no_panics();
    }
    journal.faults().clear();
    checker.begin_liveness_phase();
    run_process(async { Process::start(&mut environment).await.run_until_drained().await });
    assert_no_panics();
    journal.assert_consistent();
    checker.assert_acknowledged_is_committed();
    let mut coverage = environment.coverage;
    coverage.add_journal(journal);
    coverage.merge(&checker.coverage());
    coverage.add(CONFLICT, journal.counts().conflicts);
    coverage.add(PANICKED, INJECTED_PANICS.get());
    for (fault, times) in journal.faults().injected() {
        coverage.add(fault, times);
    }
    SeedResult { trace: checker.trace(), coverage }
}

fn fault_rates(random: &mut Random) -> FaultRates {
    let mut below = |limit: u64| random.below(limit);
    FaultRates {
        unavailable: below(10),
        lose_response: below(10),
        lose_request: below(10),
        delayed_commit: below(8),
        serialization: below(6),
        slow: below(20),
        reject: below(6),
    }
}

thread_local! {
    /// Panics that were not injected. Without this list, a panic in a task would go unnoticed.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// The number of injected panics.
    static INJECTED_PANICS: Cell<u64> = const { Cell::new(0) };
}

fn assert_no_panics() {
    let count = PANICS.with_borrow(Vec::len);
    assert_eq!(count, 0, "a task panicked");
}

/// Records all panics that were not injected, and prints only those.
fn install_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default_hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let is_worker = std::thread::current().name().is_some_and(|name| name.starts_with("seeds"));
            let text = panic.to_string();
            if text.contains("injected by a test") {
                INJECTED_PANICS.set(INJECTED_PANICS.get() + 1);
            } else {
                PANICS.with_borrow_mut(|panics| panics.push(text));
                if !is_worker {
                    default_hook(panic);
                }
            }
        }));
    });
}
