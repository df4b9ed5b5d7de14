//! The `payoutd` program.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use payoutd::cli::{Cli, run};

/// Many small things are made and dropped for every request and report; see docs/performance.md for what it buys.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    run(Cli::parse())
}
