//! Benchmarks payoutd against the limits of the machine. `scripts/bench` runs this program;
//! `docs/performance.md` explains its output.
//!
//! The system under test is a release build of payoutd in a child process. The benchmark uses its public
//! interfaces: HTTP and AMQP. Each result is compared with a floor (see [`floors`]), measured in the same run
//! in alternating rounds.

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

/// payoutd uses this allocator; the servers of floors F and H use it too.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Prints progress to standard error. Standard output carries the results only.
pub(crate) fn log_progress(message: &str) {
    // A closed standard error must not end the run.
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

/// Returns `false` if `--strict` is set and a target is missed.
fn run(mut options: Options) -> Result<bool> {
    if let Some(command) = options.command.take() {
        // The same number of threads as payoutd has.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        match command {
            Command::FloorServer(arguments) => runtime.block_on(floors::floor_server::run(arguments))?,
        }
        return Ok(true);
    }
    // The load generator uses one thread: it shares the cores with the system under test.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, measures::run(&options))
}
