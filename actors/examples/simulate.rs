//! Runs many seeds of the simulation on all cores and prints their coverage. Started by `scripts/simulate`.
//!
//! Exits with 0 if every seed passed, 1 if a seed failed, 2 if the coverage is incomplete, and 64 if the arguments are
//! invalid.

#[path = "../tests/simulation/seeded/mod.rs"]
mod seeded;

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use seeded::{Coverage, Violation, run};

/// The number of trace lines printed for a failed seed. They are the last lines before the failure.
const MAX_TRACE_LINES: usize = 150;
/// The time after which a seed counts as hung. A seed normally takes milliseconds.
const SEED_TIMEOUT: Duration = Duration::from_secs(60);
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

struct Options {
    seeds: u64,
    first_seed: u64,
    jobs: u64,
}

/// The state that all workers share.
#[derive(Default)]
struct Progress {
    done: AtomicU64,
    stop: AtomicBool,
    coverage: Mutex<Coverage>,
    failed: Mutex<Option<(u64, Violation)>>,
    /// The seed that each worker runs, and when it started it; `None` after its last seed.
    current: Vec<Mutex<(u64, Option<Instant>)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn print_line(line: impl Display) {
    // Fails if stdout is closed. The exit code shows the result as well.
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn parse_options() -> Result<Options, String> {
    let mut options = Options {
        seeds: 0,
        first_seed: 1,
        jobs: thread::available_parallelism().map_or(1, |n| n.get() as u64),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name}: a number is missing"))?;
        let value: u64 = value.parse().map_err(|_| format!("{name} {value}: not a number"))?;
        match name.as_str() {
            "--seeds" => options.seeds = value,
            "--from" => options.first_seed = value,
            "--jobs" => options.jobs = value.max(1),
            _ => return Err(format!("{name}: unknown")),
        }
    }
    if options.seeds == 0 { Err("--seeds: missing".to_owned()) } else { Ok(options) }
}

/// Runs every `jobs`-th seed, beginning with the seed of this worker.
fn run_worker(worker: u64, options: &Options, progress: &Progress) {
    let mut coverage = Coverage::default();
    let mut seed = options.first_seed + worker;
    let current = usize::try_from(worker).ok().and_then(|worker| progress.current.get(worker));
    while seed < options.first_seed + options.seeds && !progress.stop.load(SeqCst) {
        if let Some(current) = current {
            *lock(current) = (seed, Some(Instant::now()));
        }
        match run(seed, false) {
            Ok(result) => coverage.merge(&result.coverage),
            Err(_) => {
                // Runs the seed again to get its trace.
                let second = run(seed, true).err();
                let violation = second.unwrap_or_else(|| Violation {
                    panics: vec![
                        "the seed failed at first and passed when repeated: the simulation is not deterministic".into(),
                    ],
                    lines: Vec::new(),
                });
                lock(&progress.failed).get_or_insert((seed, violation));
                progress.stop.store(true, SeqCst);
            }
        }
        progress.done.fetch_add(1, SeqCst);
        seed += options.jobs;
    }
    if let Some(current) = current {
        lock(current).1 = None;
    }
    lock(&progress.coverage).merge(&coverage);
}

/// Prints the progress, and exits the process if a seed hangs.
fn report_progress(started_at: Instant, options: &Options, progress: &Progress) {
    let mut last_printed = Instant::now();
    while progress.done.load(SeqCst) < options.seeds && !progress.stop.load(SeqCst) {
        thread::sleep(Duration::from_millis(50));
        for current in &progress.current {
            let (seed, since) = *lock(current);
            if since.is_some_and(|since| since.elapsed() > SEED_TIMEOUT) {
                print_line(format!(
                    "FAILED: seed {seed} does not end\nrepeat it: scripts/simulate --seeds 1 --from {seed}"
                ));
                std::process::exit(1);
            }
        }
        if last_printed.elapsed() >= PROGRESS_INTERVAL {
            last_printed = Instant::now();
            print_line(rate(progress.done.load(SeqCst), started_at));
        }
    }
}

fn rate(done: u64, started_at: Instant) -> String {
    let seconds = started_at.elapsed().as_secs_f64();
    let each = f64::from(u32::try_from(done).unwrap_or(u32::MAX)) / seconds;
    format!("{done} seeds in {seconds:.0} s: {each:.0} seeds a second")
}

fn print_violation(seed: u64, violation: &Violation) {
    let hidden = violation.lines.len().saturating_sub(MAX_TRACE_LINES);
    if hidden > 0 {
        print_line(format!("… {hidden} earlier lines"));
    }
    violation.lines.iter().skip(hidden).for_each(print_line);
    violation.panics.iter().for_each(print_line);
    print_line(format!("FAILED: seed {seed}\nrepeat it: scripts/simulate --seeds 1 --from {seed}"));
}

fn main() -> ExitCode {
    let options = match parse_options() {
        Ok(options) => options,
        Err(why) => {
            print_line(why);
            return ExitCode::from(64);
        }
    };
    let started_at = Instant::now();
    let progress = Progress {
        current: (0..options.jobs).map(|_| Mutex::new((0, None))).collect(),
        ..Progress::default()
    };
    thread::scope(|scope| {
        for worker in 0..options.jobs {
            let (options, progress) = (&options, &progress);
            let builder = thread::Builder::new().name(format!("seeds-{worker}"));
            if let Err(error) = builder.spawn_scoped(scope, move || run_worker(worker, options, progress)) {
                print_line(format!("cannot start a thread: {error}"));
                std::process::exit(1);
            }
        }
        report_progress(started_at, &options, &progress);
    });
    print_line(rate(progress.done.load(SeqCst), started_at));
    if let Some((seed, violation)) = &*lock(&progress.failed) {
        print_violation(*seed, violation);
        return ExitCode::FAILURE;
    }
    let coverage = lock(&progress.coverage);
    coverage.lines().iter().for_each(print_line);
    let missing = coverage.missing();
    if !missing.is_empty() {
        print_line(format!(
            "INVALID: every seed passed, but the coverage is incomplete\n  {}",
            missing.join("\n  ")
        ));
        return ExitCode::from(2);
    }
    print_line(format!("passed: seeds {} to {}", options.first_seed, options.first_seed + options.seeds - 1));
    ExitCode::SUCCESS
}
