//! payoutd itself: the release build, as a child process, spoken to like anybody would.

use std::fs::{File, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use crate::http_client::{self, Connection};
use crate::servers::{Database, Servers};
use crate::{Fallible, failure};

const PATIENCE: Duration = Duration::from_secs(120);

/// How payoutd is started.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    binary: PathBuf,
    log: PathBuf,
    variables: Vec<(String, String)>,
    api: SocketAddr,
    operators: SocketAddr,
}

/// What is set differently from the defaults, in words, for the output.
pub(crate) const CONFIGURATION: &str = "payoutd's defaults, except: no limits of calls per key (limits.*_per_second = 0), \
     quotes that stay valid (quotes.ttl_seconds = 86400), and for held requests waiting.max_held* and http.max_connections";

impl Settings {
    /// payoutd on this database and the broker, on free ports.
    pub(crate) fn new(binary: &Path, servers: &Servers, database: &Database) -> Fallible<Self> {
        let (api, operators) = (free_address()?, free_address()?);
        let settings = Self {
            binary: binary.to_owned(),
            log: servers.directory.join("payoutd.log"),
            variables: Vec::new(),
            api,
            operators,
        };
        Ok(settings
            .with("DATABASE_URL", &database.url)
            .with("AMQP_URL", &servers.amqp_url)
            .with("PAYOUTD_HTTP__LISTEN", &api.to_string())
            .with("PAYOUTD_OPS__LISTEN", &operators.to_string())
            .with("PAYOUTD_HTTP__PUBLIC_URL", "https://payouts.example")
            .with("PAYOUTD_QUOTES__SIGNING_KEY", "a signing key for measuring only")
            .with("PAYOUTD_QUOTES__TTL_SECONDS", "86400")
            .with("PAYOUTD_LIMITS__READS_PER_SECOND", "0")
            .with("PAYOUTD_LIMITS__WRITES_PER_SECOND", "0"))
    }

    /// The same with one more setting.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Fallible<Command> {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars() {
            if name.starts_with("PAYOUTD_") || name == "DATABASE_URL" || name == "AMQP_URL" {
                command.env_remove(name);
            }
        }
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        command.args(arguments).envs(variables).stdin(Stdio::null()).stderr(self.log()?).kill_on_drop(true);
        Ok(command)
    }

    fn log(&self) -> Fallible<File> {
        Ok(OpenOptions::new().create(true).append(true).open(&self.log)?)
    }

    /// Runs one of payoutd's other commands and returns what it prints.
    pub(crate) async fn print(&self, arguments: &[&str]) -> Fallible<String> {
        let output = self.command(arguments)?.output().await?;
        if !output.status.success() {
            return Err(
                format!("payoutd {arguments:?}: {}; see {}", output.status, self.log.display()).into()
            );
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Starts `payoutd serve`. It is not ready yet.
    pub(crate) fn start(&self) -> Fallible<Program> {
        let child = self.command(&["serve"])?.stdout(Stdio::null()).spawn()?;
        let process = child.id().ok_or_else(|| failure("payoutd ended at once"))?;
        Ok(Program { child, process, api: self.api, operators: self.operators })
    }

    /// Starts `payoutd serve` and waits until it is ready.
    pub(crate) async fn start_ready(&self) -> Fallible<Program> {
        let mut program = self.start()?;
        program.ready().await?;
        Ok(program)
    }
}

/// A running `payoutd serve`. Killed when it goes out of scope.
pub(crate) struct Program {
    child: Child,
    /// Its process id.
    pub(crate) process: u32,
    /// Where partners call.
    pub(crate) api: SocketAddr,
    operators: SocketAddr,
}

impl Program {
    /// Waits until `/readyz` says so.
    pub(crate) async fn ready(&mut self) -> Fallible<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_ready().await {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("payoutd ended: {status}").into());
            }
            if Instant::now() > deadline {
                return Err(failure("payoutd does not become ready"));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    async fn is_ready(&self) -> bool {
        let Ok(mut connection) = Connection::open(self.operators).await else { return false };
        let answer = connection.call(b"GET /readyz HTTP/1.1\r\nhost: payoutd\r\n\r\n").await;
        answer.is_ok_and(|answer| answer.status == 200)
    }

    /// The sum of a metric over all its labels.
    pub(crate) async fn metric(&self, name: &str) -> Fallible<f64> {
        let mut connection = Connection::open(self.operators).await?;
        let request = http_client::get("/metrics", "-", "");
        let answer = connection.call(&request).await?;
        let text = String::from_utf8_lossy(answer.body);
        let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let value = |line: &str| line.rsplit(' ').next()?.parse::<f64>().ok();
        Ok(text.lines().filter(of_name).filter_map(value).sum())
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(&mut self) -> Fallible<()> {
        Command::new("kill").args(["-TERM", &self.process.to_string()]).status().await?;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        if ended.success() { Ok(()) } else { Err(format!("payoutd did not stop in order: {ended}").into()) }
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(&mut self) -> Fallible<()> {
        Ok(self.child.kill().await?)
    }
}

fn free_address() -> Fallible<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
