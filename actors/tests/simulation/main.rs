//! Seeded simulation at the ports, in its short form. `scripts/simulate` runs as many seeds as it is asked for, on every
//! core; see `RELIABILITY.md`.

mod seeded;

use seeded::{Coverage, LeaseGuard, run};

/// Seeds that once failed, one per line with what they found: `seed  # story`.
const REGRESSIONS: &str = include_str!("regressions.txt");

fn hold(seed: u64) -> LeaseGuard {
    match run(seed, false) {
        Ok(held) => held,
        Err(violation) => {
            panic!("seed {seed}: {:#?}\nscripts/simulate --seeds 1 --from {seed}", violation.panics)
        }
    }
}

fn from_env(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// `SEED=1 SEEDS=2000` runs others.
#[test]
fn every_seed_is_safe_and_comes_to_its_end() {
    let (first, count) = (from_env("SEED", 1), from_env("SEEDS", 200));
    let mut coverage = Coverage::default();
    for seed in first..first + count {
        coverage.merge(&hold(seed).coverage);
    }
    let missing = coverage.missing();
    assert!(
        missing.is_empty(),
        "invalid, for this proves nothing: {missing:#?}\n{}",
        coverage.lines().join("\n")
    );
}

#[test]
fn the_same_seed_runs_the_same_way() {
    for seed in 1..15 {
        let first = hold(seed);
        assert_eq!(Ok(first), run(seed, true), "seed {seed}, with its trace kept or not");
    }
    assert_ne!(hold(1).trace, hold(2).trace);
}

#[test]
fn seeds_that_once_failed_hold() {
    for line in REGRESSIONS.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (seed, story) = line.split_once('#').expect("a seed and its story");
        assert!(!story.trim().is_empty(), "why {seed} is here");
        hold(seed.trim().parse().expect("a seed"));
    }
}

#[test]
fn a_run_that_saw_too_little_is_not_taken_for_a_proof() {
    assert!(!Coverage::default().missing().is_empty());
    let one = hold(1).coverage;
    assert!(
        one.missing().iter().any(|missing| missing.starts_with("never: report of")),
        "{:?}",
        one.missing()
    );
}
