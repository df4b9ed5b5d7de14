//! payoutd as a child process, used through its public interfaces.

use std::fs::{File, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use crate::Result;
use crate::http_client::{self, Connection};
use crate::servers::{Database, Servers};

const TIMEOUT: Duration = Duration::from_secs(120);

/// Binary, environment and addresses of a payoutd.
#[derive(Debug, Clone)]
pub(crate) struct PayoutdCommand {
    binary: PathBuf,
    log_path: PathBuf,
    environment: Vec<(String, String)>,
    api: SocketAddr,
    ops: SocketAddr,
}

/// A note for the output: the settings that differ from the defaults.
pub(crate) const CONFIGURATION_NOTE: &str = "payoutd runs with its defaults, except: no rate limits (limits.*_per_second = 0), \
     quotes that stay valid (quotes.ttl_seconds = 86400), and for held requests waiting.max_held* and http.max_connections";

impl PayoutdCommand {
    /// Configures payoutd for the database and the broker, on free ports.
    pub(crate) fn new(binary: &Path, servers: &Servers, database: &Database) -> Result<Self> {
        let (api, ops) = (free_local_address()?, free_local_address()?);
        let command = Self {
            binary: binary.to_owned(),
            log_path: servers.directory.join("payoutd.log"),
            environment: Vec::new(),
            api,
            ops,
        };
        Ok(command
            .with_env("DATABASE_URL", &database.url)
            .with_env("AMQP_URL", &servers.amqp_url)
            .with_env("PAYOUTD_HTTP__LISTEN", &api.to_string())
            .with_env("PAYOUTD_OPS__LISTEN", &ops.to_string())
            .with_env("PAYOUTD_HTTP__PUBLIC_URL", "https://payouts.example")
            .with_env("PAYOUTD_QUOTES__SIGNING_KEY", "a signing key for measuring only")
            .with_env("PAYOUTD_QUOTES__TTL_SECONDS", "86400")
            .with_env("PAYOUTD_LIMITS__READS_PER_SECOND", "0")
            .with_env("PAYOUTD_LIMITS__WRITES_PER_SECOND", "0"))
    }

    /// Adds an environment variable.
    pub(crate) fn with_env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn to_process_command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars() {
            if name.starts_with("PAYOUTD_") || name == "DATABASE_URL" || name == "AMQP_URL" {
                command.env_remove(name);
            }
        }
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        command
            .args(arguments)
            .envs(environment)
            .stdin(Stdio::null())
            .stderr(self.open_log()?)
            .kill_on_drop(true);
        Ok(command)
    }

    fn open_log(&self) -> Result<File> {
        Ok(OpenOptions::new().create(true).append(true).open(&self.log_path)?)
    }

    /// Runs a payoutd subcommand and returns its standard output, trimmed.
    pub(crate) async fn output(&self, arguments: &[&str]) -> Result<String> {
        let output = self.to_process_command(arguments)?.output().await?;
        if !output.status.success() {
            return Err(
                format!("payoutd {arguments:?}: {}; see {}", output.status, self.log_path.display()).into()
            );
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Starts `payoutd serve` and returns before it is ready.
    pub(crate) fn start(&self) -> Result<PayoutdProcess> {
        let child = self.to_process_command(&["serve"])?.stdout(Stdio::null()).spawn()?;
        let pid = child.id().ok_or("payoutd ended at once")?;
        Ok(PayoutdProcess { child, pid, api: self.api, ops: self.ops })
    }

    /// Starts `payoutd serve` and waits until it is ready.
    pub(crate) async fn start_and_wait(&self) -> Result<PayoutdProcess> {
        let mut process = self.start()?;
        process.wait_until_ready().await?;
        Ok(process)
    }
}

/// A running `payoutd serve`. Dropping it kills the process.
pub(crate) struct PayoutdProcess {
    child: Child,
    pub(crate) pid: u32,
    /// The address of the partner API.
    pub(crate) api: SocketAddr,
    ops: SocketAddr,
}

impl PayoutdProcess {
    /// Waits until `/readyz` returns 200.
    pub(crate) async fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + TIMEOUT;
        while !self.is_ready().await {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("payoutd ended: {status}").into());
            }
            if Instant::now() > deadline {
                return Err("payoutd is not ready after the timeout".into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    async fn is_ready(&self) -> bool {
        let Ok(mut connection) = Connection::open(self.ops).await else { return false };
        let response = connection.call(b"GET /readyz HTTP/1.1\r\nhost: payoutd\r\n\r\n").await;
        response.is_ok_and(|response| response.status == 200)
    }

    /// The sum of a metric over all label values.
    pub(crate) async fn metric(&self, name: &str) -> Result<f64> {
        let mut connection = Connection::open(self.ops).await?;
        let request = http_client::get("/metrics", "-", "");
        let response = connection.call(&request).await?;
        let text = String::from_utf8_lossy(response.body);
        let matches_name =
            |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let value = |line: &str| line.rsplit(' ').next()?.parse::<f64>().ok();
        Ok(text.lines().filter(matches_name).filter_map(value).sum())
    }

    /// Sends SIGTERM and waits for a clean exit.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        Command::new("kill").args(["-TERM", &self.pid.to_string()]).status().await?;
        let ended = tokio::time::timeout(TIMEOUT, self.child.wait()).await??;
        if ended.success() { Ok(()) } else { Err(format!("payoutd did not stop cleanly: {ended}").into()) }
    }

    /// Sends SIGKILL.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

fn free_local_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
