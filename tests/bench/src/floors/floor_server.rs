//! Floors F and H: a bare program that takes the same requests, writes the same rows in the same batches, and moves the
//! same messages as payoutd, and decides nothing. A child process like payoutd, so that both are measured alike.
//!
//! It uses the libraries that payoutd uses. It checks nothing, remembers nothing, and would lose money at the first
//! surprise: what payoutd could reach at most.

mod batching;
mod create_batcher;
mod http_api;
mod outbox_relay;
mod report_consumer;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use clap::Args;
use lapin::{Connection, ConnectionProperties};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::Notify;

use crate::load_generator::Place;
use crate::servers::{Database, Servers};
use crate::template::Sample;
use crate::{Fallible, failure};

/// Its own exchanges and queues, with the arguments that payoutd gives its own.
pub(crate) const REPORTS: &str = "bench.f.reports";
pub(crate) const EVENTS: &str = "bench.f.events";

/// How the bare program is started.
#[derive(Debug, Args)]
pub(crate) struct BareArguments {
    /// Its database.
    #[arg(long)]
    database: String,
    /// Its broker.
    #[arg(long)]
    amqp: String,
    /// A file with the sample.
    #[arg(long)]
    sample: PathBuf,
}

/// The bare program itself: runs until it is killed.
pub(crate) async fn run(arguments: BareArguments) -> Fallible<()> {
    let sample: Arc<Sample> = Arc::new(serde_json::from_slice(&std::fs::read(&arguments.sample)?)?);
    let written = Arc::new(Notify::new());
    let url = &arguments.amqp;
    let connect = async || Connection::connect(url, ConnectionProperties::default()).await;
    let (consuming, publishing) = (connect().await?, connect().await?);
    let creates = create_batcher::CreateBatcher::start(&arguments.database, &sample, &written).await?;
    let mut reports = report_consumer::start(&consuming, &arguments.database, &sample, &written).await?;
    let mut relay = outbox_relay::start(&publishing, &arguments.database, written).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    let partners = axum::serve(listener, http_api::router(&sample, creates));
    tokio::select! {
        ended = partners => ended?,
        ended = reports.join_next() => return Err(format!("the reports ended: {ended:?}").into()),
        ended = &mut relay => return Err(format!("the relay ended: {ended:?}").into()),
    }
    Ok(())
}

/// The bare program, running as a child process. Killed when it goes out of scope.
pub(crate) struct Bare {
    child: Child,
    /// Its process id.
    pub(crate) process: u32,
    /// Its database.
    pub(crate) database: Database,
    api: SocketAddr,
    servers: Servers,
}

impl Bare {
    /// Starts it on a new database, migrated by payoutd.
    pub(crate) async fn start(servers: &Servers, sample: &Sample, database: Database) -> Fallible<Self> {
        Self::declare(servers).await?;
        Self::resume(servers, sample, database).await
    }

    /// Declares its exchanges and queues, empty.
    pub(crate) async fn declare(servers: &Servers) -> Fallible<()> {
        let mut broker = servers.broker.connect().await?;
        for name in [REPORTS, EVENTS] {
            broker.exchange(name).await?;
            broker.queue(name, name).await?;
            broker.purge(name).await?;
        }
        Ok(())
    }

    /// Starts it on what is there.
    pub(crate) async fn resume(servers: &Servers, sample: &Sample, database: Database) -> Fallible<Self> {
        let file = servers.directory.join("sample.json");
        std::fs::write(&file, serde_json::to_vec(sample)?)?;
        let mut child = Self::command(servers, &database, &file)?.spawn()?;
        let process = child.id().ok_or_else(|| failure("the bare program ended at once"))?;
        let stdout = child.stdout.take().ok_or_else(|| failure("there was to be a pipe"))?;
        let line = BufReader::new(stdout).lines().next_line().await?;
        let api = line.ok_or_else(|| failure("the bare program ended at once"))?.parse()?;
        Ok(Self { child, process, database, api, servers: servers.clone() })
    }

    /// Ends it and removes its database.
    pub(crate) async fn close(mut self) -> Fallible<()> {
        self.child.kill().await?;
        self.database.drop().await
    }

    fn command(servers: &Servers, database: &Database, sample: &Path) -> Fallible<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bare", "--database", &database.floor_url(), "--amqp", &servers.amqp_url, "--sample"]);
        command.arg(sample).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        Ok(command)
    }

    /// Where load is put on it.
    pub(crate) fn place(&self) -> Place {
        Place {
            api: self.api,
            key: "sk_live_as_long_as_a_real_one_0123456789012345678".to_owned(),
            broker: self.servers.broker.clone(),
            chain_exchange: REPORTS,
            events_queue: EVENTS,
        }
    }
}
