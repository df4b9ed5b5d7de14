//! A RabbitMQ server for one test, with access to `rabbitmqctl`. It stops when the test process ends, even if that is
//! killed.

use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lapin::{Connection, ConnectionProperties};
use payoutd::amqp::AmqpSettings;
use tempfile::TempDir;

const BIN: &str = "/usr/lib/rabbitmq/bin";

/// Runs the server in its own session until standard input is closed, at the latest at the end of the test process.
/// Then removes its data, unless the file `keep` exists.
const SCRIPT: &str = r#"
setsid sh -c '
    epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 </dev/null >"$HOME/epmd.log" 2>&1 &
    "$0/rabbitmq-server" </dev/null >"$HOME/server.log" 2>&1 &
    wait' "$0" &
cat >/dev/null
kill -KILL -$!
wait
[ -e "$HOME/keep" ] || rm -rf "$HOME"
"#;

/// A RabbitMQ server.
pub(crate) struct Broker {
    dir: TempDir,
    ports: [u16; 3],
    group: Option<Child>,
}

impl Broker {
    /// Starts a new server and waits until it answers.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut broker = Self { dir, ports: free_ports(), group: None };
        broker.start_again().await;
        broker
    }

    /// Starts the server again, with its data.
    pub(crate) async fn start_again(&mut self) {
        std::fs::write(self.dir.path().join("plugins"), "[].").unwrap();
        let mut command = self.command("sh");
        command.args(["-c", SCRIPT, BIN]).stdin(Stdio::piped()).process_group(0);
        let _ = std::fs::remove_file(self.dir.path().join("keep"));
        self.group = Some(command.spawn().unwrap());
        let deadline = Instant::now() + Duration::from_secs(120);
        while let Err(error) = Connection::connect(&self.url(), ConnectionProperties::default()).await {
            let log = || std::fs::read_to_string(self.dir.path().join("server.log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "RabbitMQ does not answer: {error}\n{}", log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Kills the server, as a power failure would. Its data stay.
    pub(crate) fn kill(&mut self) {
        std::fs::write(self.dir.path().join("keep"), "").unwrap();
        self.end();
    }

    fn end(&mut self) {
        if let Some(mut group) = self.group.take() {
            drop(group.stdin.take());
            group.wait().unwrap();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}", self.ports[0])
    }

    pub(crate) fn settings(&self) -> AmqpSettings {
        AmqpSettings::new(self.url().parse().unwrap())
    }

    /// Runs `rabbitmqctl` and returns its output.
    pub(crate) async fn ctl(&self, arguments: &[&str]) -> String {
        let mut command = self.command(&format!("{BIN}/rabbitmqctl"));
        command.args(arguments).stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {text} {}", String::from_utf8_lossy(&output.stderr));
        text
    }

    fn command(&self, program: &str) -> Command {
        let dir: &Path = self.dir.path();
        let [port, dist, epmd] = self.ports;
        let mut command = Command::new(program);
        command
            .env("HOME", dir)
            .env("ERL_EPMD_PORT", epmd.to_string())
            .env("RABBITMQ_NODENAME", format!("test{port}@localhost"))
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", port.to_string())
            .env("RABBITMQ_DIST_PORT", dist.to_string())
            .env("RABBITMQ_MNESIA_BASE", dir.join("data"))
            .env("RABBITMQ_LOG_BASE", dir.join("log"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", dir.join("plugins"))
            .env("RABBITMQ_CONFIG_FILE", dir.join("none"))
            .env("RABBITMQ_CONF_ENV_FILE", dir.join("none"))
            .env("RABBITMQ_PID_FILE", dir.join("pid"))
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 2:2 +sbwt none");
        command
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.end();
    }
}

fn free_ports() -> [u16; 3] {
    let free = || -> io::Result<TcpListener> { TcpListener::bind("127.0.0.1:0") };
    let held = [free().unwrap(), free().unwrap(), free().unwrap()];
    held.map(|listener| listener.local_addr().unwrap().port())
}
