//! Fuzz targets: all code that reads untrusted input, and the payout state machine.
//!
//! Each target asserts properties that hold for every input, and panics if one does not hold. The tests run each target
//! on its corpus and on a fixed number of mutations of it, which are the same every time. `scripts/fuzz` builds the
//! targets for libFuzzer, which generates inputs guided by coverage.

mod input;
mod mutator;
mod targets;

pub use mutator::Mutator;
pub use targets::TARGETS;

use std::path::{Path, PathBuf};

/// The result of a target for one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The input is valid, and the value that was read has the expected properties.
    Accepted,
    /// The input was refused, with the expected error.
    Refused,
}

/// A function that is tested with arbitrary input.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name of the target and of its corpus.
    pub name: &'static str,
    /// Runs the code on an input. Panics if a property does not hold.
    pub run: fn(&[u8]) -> Verdict,
    /// Texts that the mutator inserts into inputs.
    pub dictionary: &'static [&'static str],
    /// The number of mutated inputs that the tests run.
    pub inputs: u32,
}

impl Target {
    /// The target with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// The directory of the corpus: small inputs that every run includes, among them the inputs of fixed bugs.
    #[must_use]
    pub fn corpus_directory(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(self.name)
    }

    /// The file names and the contents of the corpus, sorted by name.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read.
    pub fn corpus(&self) -> std::io::Result<Vec<(String, Vec<u8>)>> {
        let mut corpus = Vec::new();
        for file in self.corpus_directory().read_dir()? {
            let file = file?;
            let name = file.file_name().to_string_lossy().into_owned();
            corpus.push((name, std::fs::read(file.path())?));
        }
        corpus.sort();
        Ok(corpus)
    }
}
