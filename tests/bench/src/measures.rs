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
use crate::payoutd_process::CONFIGURATION;
use crate::servers::{Database, Servers};
use crate::system_under_test::Site;
use crate::table::{self, Row};
use crate::{Fallible, failure, machine, say};

/// What the measures share, and what they found.
pub(crate) struct Bench<'a> {
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
    pub(crate) highest_rate: Option<f64>,
}

/// Takes the measures that were asked for, and prints what they came to. Says whether that is good enough.
pub(crate) async fn run(options: &Options) -> Fallible<bool> {
    let servers = Servers::from_environment()?;
    let binary = options.binary.clone().ok_or_else(|| failure("--binary says what is to be measured"))?;
    let machine = machine::describe(&servers).await?;
    for line in &machine {
        say(line);
    }
    let notes = vec![CONFIGURATION.to_owned()];
    let mut bench = Bench { options, servers, binary, rows: Vec::new(), notes, highest_rate: None };
    for measure in Measure::ALL.into_iter().filter(|measure| options.wants(*measure)) {
        match measure {
            Measure::Lifecycles => lifecycles::measure(&mut bench).await?,
            Measure::Drain => drain::measure(&mut bench).await?,
            Measure::Creates => creates::measure(&mut bench).await?,
            Measure::Latency => latency::measure(&mut bench).await?,
            Measure::Polls => polls::measure(&mut bench).await?,
            Measure::InFlight => in_flight::measure(&mut bench).await?,
            Measure::Growth => growth::measure(&mut bench).await?,
            Measure::Waiters => waiters::measure(&mut bench).await?,
            Measure::Endpoints => endpoints::measure(&mut bench).await?,
            Measure::Sqlite => sqlite::measure(&mut bench).await?,
        }
    }
    let reached = table::print(&machine, &bench.notes, &bench.rows)?;
    Ok(reached || !options.strict)
}

impl Bench<'_> {
    /// A new database that payoutd has migrated.
    pub(crate) async fn migrated(&self, site: &Site, purpose: &str) -> Fallible<Database> {
        let database = self.servers.database(purpose).await?;
        site.settings.clone().with("DATABASE_URL", &database.url).print(&["migrate"]).await?;
        Ok(database)
    }

    /// Says what is going on.
    pub(crate) fn say(&self, words: &str) {
        say(&format!("  {words}"));
    }
}
