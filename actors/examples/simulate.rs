//! Runs many seeds of the simulation, on every core, and says what they covered. Started by `scripts/simulate`.
//!
//! Exits with 0 where every seed held, 1 where one did not, and 2 where the run saw too little to prove anything.

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

/// How many lines of a failing seed's trace are shown; it ends where it failed.
const SHOWN: usize = 150;
/// A seed takes milliseconds. One that takes this long will never end.
const HUNG: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(5);

struct Asked {
    seeds: u64,
    from: u64,
    jobs: u64,
}

/// What all workers share.
#[derive(Default)]
struct Progress {
    done: AtomicU64,
    stop: AtomicBool,
    coverage: Mutex<Coverage>,
    failed: Mutex<Option<(u64, Violation)>>,
    /// What each worker is at, and since when.
    at: Vec<Mutex<(u64, Option<Instant>)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn say(line: impl Display) {
    // Whoever read this has gone; the exit code remains.
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn asked() -> Result<Asked, String> {
    let mut asked =
        Asked { seeds: 0, from: 1, jobs: thread::available_parallelism().map_or(1, |n| n.get() as u64) };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name}: a number is missing"))?;
        let value: u64 = value.parse().map_err(|_| format!("{name} {value}: not a number"))?;
        match name.as_str() {
            "--seeds" => asked.seeds = value,
            "--from" => asked.from = value,
            "--jobs" => asked.jobs = value.max(1),
            _ => return Err(format!("{name}: unknown")),
        }
    }
    if asked.seeds == 0 { Err("--seeds: how many?".to_owned()) } else { Ok(asked) }
}

/// Takes every so-maniest seed, beginning with its own.
fn work(worker: u64, asked: &Asked, progress: &Progress) {
    let mut coverage = Coverage::default();
    let mut seed = asked.from + worker;
    let at = usize::try_from(worker).ok().and_then(|worker| progress.at.get(worker));
    while seed < asked.from + asked.seeds && !progress.stop.load(SeqCst) {
        if let Some(at) = at {
            *lock(at) = (seed, Some(Instant::now()));
        }
        match run(seed, false) {
            Ok(held) => coverage.merge(&held.coverage),
            Err(_) => {
                // Once more, with its trace kept.
                let again = run(seed, true).err();
                let violation = again.unwrap_or_else(|| Violation {
                    panics: vec![
                        "it failed once and held when it was run again: it does not follow its seed".into(),
                    ],
                    lines: Vec::new(),
                });
                lock(&progress.failed).get_or_insert((seed, violation));
                progress.stop.store(true, SeqCst);
            }
        }
        progress.done.fetch_add(1, SeqCst);
        seed += asked.jobs;
    }
    if let Some(at) = at {
        lock(at).1 = None;
    }
    lock(&progress.coverage).merge(&coverage);
}

/// Says how far it is, and ends the process where a seed hangs.
fn watch(began: Instant, asked: &Asked, progress: &Progress) {
    let mut said = Instant::now();
    while progress.done.load(SeqCst) < asked.seeds && !progress.stop.load(SeqCst) {
        thread::sleep(Duration::from_millis(50));
        for at in &progress.at {
            let (seed, since) = *lock(at);
            if since.is_some_and(|since| since.elapsed() > HUNG) {
                say(format!(
                    "FAILED: seed {seed} does not end\nrepeat it: scripts/simulate --seeds 1 --from {seed}"
                ));
                std::process::exit(1);
            }
        }
        if said.elapsed() >= EVERY {
            said = Instant::now();
            say(rate(progress.done.load(SeqCst), began));
        }
    }
}

fn rate(done: u64, began: Instant) -> String {
    let seconds = began.elapsed().as_secs_f64();
    let each = f64::from(u32::try_from(done).unwrap_or(u32::MAX)) / seconds;
    format!("{done} seeds in {seconds:.0} s: {each:.0} seeds a second")
}

fn show(seed: u64, violation: &Violation) {
    let hidden = violation.lines.len().saturating_sub(SHOWN);
    if hidden > 0 {
        say(format!("… {hidden} lines before"));
    }
    violation.lines.iter().skip(hidden).for_each(say);
    violation.panics.iter().for_each(say);
    say(format!("FAILED: seed {seed}\nrepeat it: scripts/simulate --seeds 1 --from {seed}"));
}

fn main() -> ExitCode {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(why) => {
            say(why);
            return ExitCode::from(64);
        }
    };
    let began = Instant::now();
    let progress =
        Progress { at: (0..asked.jobs).map(|_| Mutex::new((0, None))).collect(), ..Progress::default() };
    thread::scope(|scope| {
        for worker in 0..asked.jobs {
            let (asked, progress) = (&asked, &progress);
            let named = thread::Builder::new().name(format!("seeds-{worker}"));
            if let Err(error) = named.spawn_scoped(scope, move || work(worker, asked, progress)) {
                say(format!("no thread: {error}"));
                std::process::exit(1);
            }
        }
        watch(began, &asked, &progress);
    });
    say(rate(progress.done.load(SeqCst), began));
    if let Some((seed, violation)) = &*lock(&progress.failed) {
        show(*seed, violation);
        return ExitCode::FAILURE;
    }
    let coverage = lock(&progress.coverage);
    coverage.lines().iter().for_each(say);
    let missing = coverage.missing();
    if !missing.is_empty() {
        say(format!("INVALID: every seed held, but this run proves nothing\n  {}", missing.join("\n  ")));
        return ExitCode::from(2);
    }
    say(format!("passed: seeds {} to {}", asked.from, asked.from + asked.seeds - 1));
    ExitCode::SUCCESS
}
