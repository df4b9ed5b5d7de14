//! The `payoutd` program.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use payoutd::cli::{Cli, run};

/// Every request and report makes many small allocations. docs/performance.md has measurements.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    run(Cli::parse())
}
