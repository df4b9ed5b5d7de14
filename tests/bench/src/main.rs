//! The yardstick: payoutd measured against what the same machine can do at most. `scripts/run` runs it; how to read
//! what it prints is in `docs/performance.md`.
//!
//! payoutd is the release build, as a child process, and is spoken to as its clients do: HTTP and AMQP. Every figure
//! stands beside a floor that was measured in the same run, in turns with it.

mod amqp;
mod check;
mod dataset;
mod floors;
mod http_client;
mod http_load;
mod load_generator;
mod machine;
mod measures;
mod options;
mod payoutd_process;
mod process_stats;
mod quotes;
mod servers;
mod system_under_test;
mod table;
mod template;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use tokio::task::LocalSet;

use options::{Command, Options};

pub(crate) use payoutd_bench::{Error, Result, check_count, per_second, reports, truncate_to_usize};

/// Floors F and H have what payoutd has.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Says what is going on, apart from the results.
pub(crate) fn log_progress(message: &str) {
    // Whoever closed the terminal does not want to know.
    let _ = writeln!(std::io::stderr(), "{message}");
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(error) => {
            log_progress(&format!("bench: failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether everything that is to be reached was reached, where that is asked for.
fn run(mut options: Options) -> Result<bool> {
    if let Some(command) = options.command.take() {
        // With as many threads as payoutd.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        match command {
            Command::FloorServer(arguments) => runtime.block_on(floors::floor_server::run(arguments))?,
        }
        return Ok(true);
    }
    // The load has one thread: what it uses is missing to what it measures.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, measures::run(&options))
}
