//! The `payoutd` program.

use std::process::ExitCode;

use clap::Parser;
use payoutd::cli::{Cli, run};

fn main() -> ExitCode {
    run(Cli::parse())
}
