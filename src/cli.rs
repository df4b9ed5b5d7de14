//! The command line.

mod keys;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app;
use crate::config::Config;

pub use keys::KeysCommand;
pub(crate) use keys::create as create_key;
pub use report::ReportCommand;

/// A payout engine: one actor owns each stablecoin payout, from quote to delivered.
#[derive(Debug, Parser)]
#[command(name = "payoutd", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole system in one process with nothing installed: SQLite, simulated watchers, a demo payout.
    Dev {
        /// The SQLite file to keep everything in.
        #[arg(long, default_value = "payoutd-dev.sqlite")]
        data: PathBuf,
    },
    /// Run in production, on `DATABASE_URL` and `AMQP_URL`.
    Serve,
    /// Apply the database migrations and exit.
    Migrate,
    /// Make, list, rotate and revoke API keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Publish one chain report to the broker, to drive a payout by hand.
    Report(Box<ReportCommand>),
    /// Print the partner API's description, `OpenAPI` 3.1 in JSON.
    Openapi,
    /// Print the description of what goes over the broker, `AsyncAPI` 3 in JSON.
    Asyncapi,
}

/// Runs the program and says how it ended.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let outcome = Config::from_process().map_err(Box::from).and_then(|config| execute(cli.command, config));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&*error);
            ExitCode::FAILURE
        }
    }
}

/// Whatever ends the program early. It is shown to a person and nobody else looks into it.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

fn execute(command: Command, config: Config) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Dev { data } => app::dev(config, &data).await,
            Command::Serve => app::serve(config).await,
            Command::Migrate => app::migrate(&config).await,
            Command::Keys(command) => keys::run(command, &config).await,
            Command::Report(command) => report::run(*command, &config).await,
            Command::Openapi => app::openapi(&config).map(|document| print(&document)),
            Command::Asyncapi => app::asyncapi().map(|document| print(&document)),
        }
    })
}

#[expect(clippy::print_stdout, reason = "what the command was asked for")]
fn print(document: &str) {
    println!("{document}");
}

/// Says what went wrong, on standard error, with every cause.
#[expect(clippy::print_stderr, reason = "the command line speaks to a person")]
fn complain(error: &(dyn std::error::Error + 'static)) {
    eprintln!("payoutd: {error}");
    let mut shown = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Many libraries repeat the cause in the message.
        if !shown.contains(&text) {
            eprintln!("  because {text}");
        }
        shown = text;
        cause = error.source();
    }
}
