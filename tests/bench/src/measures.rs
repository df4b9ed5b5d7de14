//! The measures, in the order in which they are taken.

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

/// What the measures share, and what they found.
pub(crate) struct BenchmarkRun<'a> {
    /// What was asked for.
    pub(crate) options: &'a Options,
    /// What it runs on.
    pub(crate) servers: Servers,
    /// The program that is measured.
    pub(crate) binary: PathBuf,
    /// The lines of the table so far.
    pub(crate) rows: Vec<Row>,
    /// What is to be said besides.
    pub(crate) notes: Vec<String>,
    /// The highest rate of lifecycles, once it is known.
    pub(crate) max_rate: Option<f64>,
}

/// Takes the measures that were asked for, and prints what they came to. Says whether that is good enough.
pub(crate) async fn run(options: &Options) -> Result<bool> {
    let servers = Servers::from_environment()?;
    let binary = options.binary.clone().ok_or("--binary says what is to be measured")?;
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
    let reached = table::print(&machine, &run.notes, &run.rows)?;
    Ok(reached || !options.strict)
}

impl BenchmarkRun<'_> {
    /// A new database that payoutd has migrated.
    pub(crate) async fn create_migrated_database(
        &self,
        system: &SystemUnderTest,
        purpose: &str,
    ) -> Result<Database> {
        let database = self.servers.create_database(purpose).await?;
        system.command.clone().with_env("DATABASE_URL", &database.url).output(&["migrate"]).await?;
        Ok(database)
    }

    /// Says what is going on.
    pub(crate) fn log_progress(&self, message: &str) {
        log_progress(&format!("  {message}"));
    }
}
