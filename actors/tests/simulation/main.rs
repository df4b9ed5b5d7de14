//! The seeded simulation, with few seeds. `scripts/simulate` runs any number of seeds on all cores; see
//! `RELIABILITY.md`.

mod seeded;

use seeded::{Coverage, SeedResult, run};

/// Seeds that failed in the past, one per line with the bug that they found: `seed  # bug`.
const REGRESSIONS: &str = include_str!("regressions.txt");

fn run_seed(seed: u64) -> SeedResult {
    match run(seed, false) {
        Ok(result) => result,
        Err(violation) => {
            panic!("seed {seed}: {:#?}\nscripts/simulate --seeds 1 --from {seed}", violation.panics)
        }
    }
}

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// `SEED=1 SEEDS=2000` selects the seeds.
#[test]
fn every_seed_is_safe_and_live() {
    let (first, count) = (from_env("SEED", 1), from_env("SEEDS", 200));
    let mut coverage = Coverage::default();
    for seed in first..first + count {
        coverage.merge(&run_seed(seed).coverage);
    }
    let missing = coverage.missing();
    assert!(
        missing.is_empty(),
        "invalid: the coverage is incomplete: {missing:#?}\n{}",
        coverage.lines().join("\n")
    );
}

#[test]
fn the_same_seed_has_the_same_trace() {
    for seed in 1..15 {
        let first = run_seed(seed);
        assert_eq!(Ok(first), run(seed, true), "seed {seed}, with and without trace lines");
    }
    assert_ne!(run_seed(1).trace, run_seed(2).trace);
}

#[test]
fn seeds_that_failed_in_the_past_pass() {
    for line in REGRESSIONS.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (seed, bug) = line.split_once('#').expect("a seed and its bug");
        assert!(!bug.trim().is_empty(), "the bug that {seed} found is missing");
        run_seed(seed.trim().parse().expect("a seed"));
    }
}

#[test]
fn a_run_with_incomplete_coverage_is_invalid() {
    assert!(!Coverage::default().missing().is_empty());
    let one = run_seed(1).coverage;
    assert!(
        one.missing().iter().any(|missing| missing.starts_with("never: report of")),
        "{:?}",
        one.missing()
    );
}
