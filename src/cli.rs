//! The command line.

mod keys;
mod report;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::keys::KeysCommand;
use self::report::ReportCommand;
use crate::app::{self, AppError};
use crate::config::Config;

/// A payout engine: one actor owns each stablecoin payout, from quote to delivered.
#[derive(Debug, Parser)]
#[command(name = "payoutd", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything in one process without a database or a broker: SQLite, simulated watchers, a first payout.
    Dev {
        /// The SQLite file.
        #[arg(long, default_value = "payoutd-dev.sqlite")]
        data: PathBuf,
    },
    /// Run in production, with the database at `DATABASE_URL` and the broker at `AMQP_URL`.
    Serve,
    /// Apply the database migrations and exit.
    Migrate,
    /// Create, list, rotate and revoke API keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Publish one chain report to the broker.
    Report(Box<ReportCommand>),
    /// Print the `OpenAPI` 3.1 document of the partner API, as JSON.
    Openapi,
    /// Print the `AsyncAPI` 3 document of the messages on the broker, as JSON.
    Asyncapi,
}

/// Runs the command. Prints an error to standard error.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    match execute(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<(), AppError> {
    let config = Config::from_process()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Dev { data } => app::dev(config, &data).await,
            Command::Serve => app::serve(config).await,
            Command::Migrate => app::migrate(&config).await,
            Command::Keys(command) => keys::run(command, &config).await,
            Command::Report(command) => report::run(*command, &config).await,
            Command::Openapi => app::openapi(&config).map(|document| print_document(&document)),
            Command::Asyncapi => app::asyncapi().map(|document| print_document(&document)),
        }
    })
}

#[expect(clippy::print_stdout, reason = "the document is the output of the command")]
fn print_document(document: &str) {
    println!("{document}");
}

/// Prints an error and its causes.
#[expect(clippy::print_stderr, reason = "the command line reports errors to a person")]
fn print_error(error: &dyn Error) {
    eprintln!("payoutd: {error}");
    let mut printed = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Many libraries repeat the cause in the message.
        if !printed.contains(&text) {
            eprintln!("  because {text}");
        }
        printed = text;
        cause = error.source();
    }
}
