//! Command-line options.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::floors::floor_server::FloorServerArguments;

/// Benchmarks payoutd against the limits of this machine.
#[derive(Debug, Parser)]
#[command(name = "scripts/bench", disable_help_subcommand = true)]
pub(crate) struct Options {
    /// Run scaled-down workloads for about a minute and a half. Compare its ratios, not its absolute figures.
    #[arg(long)]
    pub(crate) short: bool,
    /// Run these measures only.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Measure>,
    /// Number of rounds per measure. Rounds of payoutd and of its floor alternate; the table shows medians.
    #[arg(long)]
    pub(crate) rounds: Option<usize>,
    /// Number of payouts in flight for the memory and restart measures.
    #[arg(long)]
    pub(crate) in_flight: Option<usize>,
    /// Number of finished payouts to load before `growth` is measured.
    #[arg(long)]
    pub(crate) finished: Option<usize>,
    /// Number of reports in the backlog of `drain`.
    #[arg(long)]
    pub(crate) backlog: Option<usize>,
    /// Exit with status 2 if a target is missed.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Path of the payoutd binary to measure.
    #[arg(long)]
    pub(crate) binary: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Internal subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve as the floor server of floors F and H.
    #[command(hide = true)]
    FloorServer(FloorServerArguments),
}

/// The measures, by the names that `--only` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measure {
    /// Payouts created over HTTP, broadcast and delivered over AMQP.
    Lifecycles,
    /// Processing of a backlog of reports.
    Drain,
    /// Payouts created over HTTP.
    Creates,
    /// Time from a report's publication to the response of a long poll.
    Latency,
    /// Polls of live payouts.
    Polls,
    /// Memory and restart time with a large number of payouts in flight.
    InFlight,
    /// Lifecycles with a large number of finished payouts in the database.
    Growth,
    /// Lifecycles with a large number of held requests.
    Waiters,
    /// Lifecycles with a large number of webhook endpoints.
    Endpoints,
    /// Changes on SQLite in one process.
    Sqlite,
}

impl Measure {
    /// All measures, in the order of execution.
    pub(crate) const ALL: [Self; 10] = [
        Self::Lifecycles,
        Self::Drain,
        Self::Creates,
        Self::Latency,
        Self::Polls,
        Self::InFlight,
        Self::Growth,
        Self::Waiters,
        Self::Endpoints,
        Self::Sqlite,
    ];

    /// Whether `--short` includes this measure.
    fn is_short(self) -> bool {
        match self {
            Self::Lifecycles | Self::Drain | Self::Creates | Self::Latency | Self::Polls | Self::Sqlite => {
                true
            }
            Self::InFlight | Self::Growth | Self::Waiters | Self::Endpoints => false,
        }
    }
}

impl Options {
    /// Whether the options select `measure`.
    pub(crate) fn wants(&self, measure: Measure) -> bool {
        if self.only.is_empty() { !self.short || measure.is_short() } else { self.only.contains(&measure) }
    }

    pub(crate) fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.short { 2 } else { 5 }).max(1)
    }

    /// The approximate length of a round.
    pub(crate) fn round_seconds(&self) -> u32 {
        if self.short { 2 } else { 15 }
    }
}
