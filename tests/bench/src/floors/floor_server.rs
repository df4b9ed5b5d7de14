//! The server of floors F and H. It accepts the requests of payoutd, writes the same rows in the same
//! batches, and publishes the same messages. It runs as a child process, like payoutd.
//!
//! The server uses the libraries of payoutd. It validates nothing and keeps no state, so its rate is an upper
//! bound for payoutd.

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

use crate::Result;
use crate::load_generator::ClientConfig;
use crate::servers::{Database, Servers};
use crate::template::Template;

/// Exchange and queue of the reports. Its arguments are those of payoutd's own queue.
pub(crate) const REPORTS_QUEUE: &str = "bench.f.reports";
/// Exchange and queue of the events.
pub(crate) const EVENTS_QUEUE: &str = "bench.f.events";

#[derive(Debug, Args)]
pub(crate) struct FloorServerArguments {
    /// URL of the database.
    #[arg(long)]
    database: String,
    /// URL of the broker.
    #[arg(long)]
    amqp: String,
    /// Path of a JSON file with the template.
    #[arg(long)]
    template: PathBuf,
}

/// Runs the server until it is killed. Prints the address of its HTTP listener first.
pub(crate) async fn run(arguments: FloorServerArguments) -> Result<()> {
    let template: Arc<Template> = Arc::new(serde_json::from_slice(&std::fs::read(&arguments.template)?)?);
    let outbox_written = Arc::new(Notify::new());
    let url = &arguments.amqp;
    let connect = async || Connection::connect(url, ConnectionProperties::default()).await;
    let (consuming, publishing) = (connect().await?, connect().await?);
    let create_batcher =
        create_batcher::CreateBatcher::start(&arguments.database, &template, &outbox_written).await?;
    let mut report_consumer =
        report_consumer::start(&consuming, &arguments.database, &template, &outbox_written).await?;
    let mut outbox_relay = outbox_relay::start(&publishing, &arguments.database, outbox_written).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    let http_server = axum::serve(listener, http_api::router(&template, create_batcher));
    tokio::select! {
        ended = http_server => ended?,
        ended = report_consumer.join_next() => return Err(format!("the report consumer ended: {ended:?}").into()),
        ended = &mut outbox_relay => return Err(format!("the outbox relay ended: {ended:?}").into()),
    }
    Ok(())
}

/// A floor server in a child process. Dropping it kills the process.
pub(crate) struct FloorServer {
    child: Child,
    pub(crate) pid: u32,
    pub(crate) database: Database,
    api: SocketAddr,
    servers: Servers,
}

impl FloorServer {
    /// Declares empty queues and starts the server on `database`, which payoutd has migrated.
    pub(crate) async fn start(servers: &Servers, template: &Template, database: Database) -> Result<Self> {
        Self::declare_queues(servers).await?;
        Self::start_on_existing_queues(servers, template, database).await
    }

    /// Declares the exchanges and queues and purges the queues.
    pub(crate) async fn declare_queues(servers: &Servers) -> Result<()> {
        let mut channel = servers.broker.connect().await?;
        for name in [REPORTS_QUEUE, EVENTS_QUEUE] {
            channel.declare_exchange(name).await?;
            channel.declare_queue(name, name).await?;
            channel.purge(name).await?;
        }
        Ok(())
    }

    /// Starts the server on its database and on the messages in its queues.
    pub(crate) async fn start_on_existing_queues(
        servers: &Servers,
        template: &Template,
        database: Database,
    ) -> Result<Self> {
        let file = servers.directory.join("template.json");
        std::fs::write(&file, serde_json::to_vec(template)?)?;
        let mut child = Self::command(servers, &database, &file)?.spawn()?;
        let pid = child.id().ok_or("the floor server ended at once")?;
        let stdout = child.stdout.take().ok_or("the floor server has no standard output")?;
        let line = BufReader::new(stdout).lines().next_line().await?;
        let api = line.ok_or("the floor server ended at once")?.parse()?;
        Ok(Self { child, pid, database, api, servers: servers.clone() })
    }

    /// Kills the server and drops its database.
    pub(crate) async fn tear_down(mut self) -> Result<()> {
        self.child.kill().await?;
        self.database.drop_database().await
    }

    fn command(servers: &Servers, database: &Database, template: &Path) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["floor-server", "--database", &database.floor_url(), "--amqp", &servers.amqp_url]);
        command
            .arg("--template")
            .arg(template)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        Ok(command)
    }

    pub(crate) fn client_config(&self) -> ClientConfig {
        ClientConfig {
            api: self.api,
            key: "sk_live_as_long_as_a_real_one_0123456789012345678".to_owned(),
            broker: self.servers.broker.clone(),
            chain_exchange: REPORTS_QUEUE,
            events_queue: EVENTS_QUEUE,
        }
    }
}
