//! The measures, in the order of execution.

mod creates;
mod drain;
mod endpoints;
mod growth;
mod in_flight;
mod latency;
mod lifecycles;
mod polls;
mod sqlite;
mod waiters;

use std::path::PathBuf;

use crate::options::{Measure, Options};
use crate::payoutd_process::CONFIGURATION_NOTE;
use crate::servers::{Database, Servers};
use crate::system_under_test::SystemUnderTest;
use crate::table::{self, Row};
use crate::{Result, log_progress, machine};

/// State and results of a benchmark run.
pub(crate) struct BenchmarkRun<'a> {
    pub(crate) options: &'a Options,
    pub(crate) servers: Servers,
    /// The payoutd binary to measure.
    pub(crate) binary: PathBuf,
    /// The rows of the results table.
    pub(crate) rows: Vec<Row>,
    /// Notes that follow the table.
    pub(crate) notes: Vec<String>,
    /// The lifecycle rate of the `lifecycles` measure.
    pub(crate) max_rate: Option<f64>,
}

/// Runs the selected measures and prints the results. Returns `false` if `--strict` is set and a target is
/// missed.
pub(crate) async fn run(options: &Options) -> Result<bool> {
    let servers = Servers::from_environment()?;
    let binary = options.binary.clone().ok_or("--binary is required")?;
    let machine = machine::describe(&servers).await?;
    for line in &machine {
        log_progress(line);
    }
    let notes = vec![CONFIGURATION_NOTE.to_owned()];
    let mut run = BenchmarkRun { options, servers, binary, rows: Vec::new(), notes, max_rate: None };
    for measure in Measure::ALL.into_iter().filter(|measure| options.wants(*measure)) {
        match measure {
            Measure::Lifecycles => lifecycles::measure(&mut run).await?,
            Measure::Drain => drain::measure(&mut run).await?,
            Measure::Creates => creates::measure(&mut run).await?,
            Measure::Latency => latency::measure(&mut run).await?,
            Measure::Polls => polls::measure(&mut run).await?,
            Measure::InFlight => in_flight::measure(&mut run).await?,
            Measure::Growth => growth::measure(&mut run).await?,
            Measure::Waiters => waiters::measure(&mut run).await?,
            Measure::Endpoints => endpoints::measure(&mut run).await?,
            Measure::Sqlite => sqlite::measure(&mut run).await?,
        }
    }
    let all_met = table::print(&machine, &run.notes, &run.rows)?;
    Ok(all_met || !options.strict)
}

impl BenchmarkRun<'_> {
    /// Creates a database and runs the migrations of payoutd on it.
    pub(crate) async fn create_migrated_database(
        &self,
        system: &SystemUnderTest,
        purpose: &str,
    ) -> Result<Database> {
        let database = self.servers.create_database(purpose).await?;
        system.command.clone().with_env("DATABASE_URL", &database.url).output(&["migrate"]).await?;
        Ok(database)
    }

    /// Prints progress, indented.
    pub(crate) fn log_progress(&self, message: &str) {
        log_progress(&format!("  {message}"));
    }
}
