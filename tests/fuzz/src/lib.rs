//! Fuzz targets: everything that reads what others wrote, and the state machine.
//!
//! Each target asserts what is true of any input whatever, and panics where it is not. There are two ways to run them. As an
//! ordinary test each gets its corpus and a number of inputs made out of it, the same ones every time. `scripts/fuzz`
//! builds them so that libFuzzer sees what an input reaches, and lets it look for more.

mod input;
mod made_up;
mod targets;

pub use made_up::MadeUp;
pub use targets::TARGETS;

use std::path::{Path, PathBuf};

/// Whether what was to be read was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was, and is what it must be.
    Accepted,
    /// It was refused, as it must be.
    Refused,
}

/// Something to feed with bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is that of its corpus as well.
    pub name: &'static str,
    /// Panics where something is not as it must be.
    pub run: fn(&[u8]) -> Verdict,
    /// Pieces that inputs are worth being made of.
    pub words: &'static [&'static str],
    /// How many made-up inputs are tried in an ordinary test.
    pub inputs: u32,
}

impl Target {
    /// The target of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Where its corpus is kept: small inputs that are worth trying each time, crashes of the past among them.
    #[must_use]
    pub fn corpus(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(self.name)
    }

    /// The inputs of its corpus, by name.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn seeds(&self) -> std::io::Result<Vec<(String, Vec<u8>)>> {
        let mut seeds = Vec::new();
        for file in self.corpus().read_dir()? {
            let file = file?;
            let name = file.file_name().to_string_lossy().into_owned();
            seeds.push((name, std::fs::read(file.path())?));
        }
        seeds.sort();
        Ok(seeds)
    }
}
