//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::floors::floor_server::FloorServerArguments;

/// Measures payoutd against what this machine can do at most.
#[derive(Debug, Parser)]
#[command(name = "scripts/bench", disable_help_subcommand = true)]
pub(crate) struct Options {
    /// A minute and a half: everything that fits into it, scaled down. The ratios are the same ones.
    #[arg(long)]
    pub(crate) short: bool,
    /// Only these.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Measure>,
    /// Rounds of each measure and of its floor, in turns. The medians are printed.
    #[arg(long)]
    pub(crate) rounds: Option<usize>,
    /// Payouts in flight for the measures of memory and restarts.
    #[arg(long)]
    pub(crate) in_flight: Option<usize>,
    /// Finished payouts that are stored before growth is measured.
    #[arg(long)]
    pub(crate) finished: Option<usize>,
    /// Reports in the backlog.
    #[arg(long)]
    pub(crate) backlog: Option<usize>,
    /// Fail as well where something that is to be reached was not.
    #[arg(long)]
    pub(crate) strict: bool,
    /// The program that is measured.
    #[arg(long)]
    pub(crate) binary: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What else this program can be.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The bare program of floors F and H, as a child process.
    #[command(hide = true)]
    FloorServer(FloorServerArguments),
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measure {
    /// Whole lives: created over HTTP, broadcast and delivered over AMQP, announced.
    Lifecycles,
    /// A backlog of reports, drained.
    Drain,
    /// Payouts created over HTTP.
    Creates,
    /// From a report's publication to its effect in a poll.
    Latency,
    /// Polls of live payouts.
    Polls,
    /// Memory, and restarts, with very many payouts in flight.
    InFlight,
    /// Lifecycles with very many finished payouts stored.
    Growth,
    /// Lifecycles while very many requests wait.
    Waiters,
    /// Lifecycles with very many webhook endpoints.
    Endpoints,
    /// Changes on SQLite, in one process.
    Sqlite,
}

impl Measure {
    /// All, in the order in which they are taken.
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

    /// Whether it fits into the short form.
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
    /// Whether this is to be measured.
    pub(crate) fn wants(&self, measure: Measure) -> bool {
        if self.only.is_empty() { !self.short || measure.is_short() } else { self.only.contains(&measure) }
    }

    /// How many rounds.
    pub(crate) fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.short { 2 } else { 5 }).max(1)
    }

    /// How long a round takes, about, in seconds.
    pub(crate) fn round_seconds(&self) -> u32 {
        if self.short { 2 } else { 15 }
    }
}
