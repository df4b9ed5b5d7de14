//! Runs a target on random mutations of its corpus, without coverage.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use payoutd_fuzz::{Mutator, TARGETS, Target, Verdict};

/// The default number of inputs.
const INPUTS: u64 = 1_000_000;

pub(crate) fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        for target in &TARGETS {
            println!("{}", target.name);
        }
        return ExitCode::SUCCESS;
    };
    let mut number = |default| arguments.next().map_or(Ok(default), |text| text.parse::<u64>());
    match (Target::named(&name), number(INPUTS), number(0)) {
        (Some(target), Ok(inputs), Ok(seed)) => run(target, inputs, seed),
        _ => {
            eprintln!("payoutd-fuzz [TARGET [INPUTS [SEED]]]");
            ExitCode::FAILURE
        }
    }
}

fn run(target: &Target, inputs: u64, seed: u64) -> ExitCode {
    let corpus = match target.corpus() {
        Ok(corpus) => corpus.into_iter().map(|(_, input)| input).collect::<Vec<_>>(),
        Err(error) => {
            eprintln!("{}: {error}", target.corpus_directory().display());
            return ExitCode::FAILURE;
        }
    };
    let mut mutator = Mutator::new(seed, &corpus, target.dictionary);
    let mut accepted = 0u64;
    for number in 0..inputs {
        let input = mutator.next_input();
        match catch_unwind(AssertUnwindSafe(|| (target.run)(&input))) {
            Ok(Verdict::Accepted) => accepted += 1,
            Ok(Verdict::Refused) => {}
            Err(_) => return add_to_corpus(target, &input, &format!("crash-{seed}-{number}")),
        }
    }
    println!("{}: {inputs} inputs of seed {seed}, {accepted} accepted", target.name);
    ExitCode::SUCCESS
}

fn add_to_corpus(target: &Target, input: &[u8], name: &str) -> ExitCode {
    let path = target.corpus_directory().join(name);
    match std::fs::write(&path, input) {
        Ok(()) => eprintln!("the input is written to {}", path.display()),
        Err(error) => eprintln!("{}: {error}: {input:?}", path.display()),
    }
    ExitCode::FAILURE
}
