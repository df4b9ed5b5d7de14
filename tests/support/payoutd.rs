//! The process of the real program.

use std::collections::BTreeMap;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::{HttpResponse, Partner, TIMEOUT, eventually};

/// The environment variables of payoutd.
#[derive(Debug, Clone)]
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Settings for this database and this broker. payoutd listens on any free port.
    pub(crate) fn new(database_url: &str, amqp_url: &str) -> Self {
        Self(BTreeMap::new())
            .with("DATABASE_URL", database_url)
            .with("AMQP_URL", amqp_url)
            .with("PAYOUTD_HTTP__LISTEN", "127.0.0.1:0")
            .with("PAYOUTD_OPS__LISTEN", "127.0.0.1:0")
            // Differs from the listen address, so that a restart does not change it.
            .with("PAYOUTD_HTTP__PUBLIC_URL", "https://payouts.example")
            .with("PAYOUTD_QUOTES__SIGNING_KEY", &"5eed".repeat(16))
            // Only the tests of the rate limits have rate limits.
            .with("PAYOUTD_LIMITS__READS_PER_SECOND", "0")
            .with("PAYOUTD_LIMITS__WRITES_PER_SECOND", "0")
    }

    /// Adds or replaces a setting.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A command of payoutd with these settings, and without the settings in the environment of this process.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_payoutd"));
        for (name, _) in std::env::vars() {
            if name.starts_with("PAYOUTD_") || name == "DATABASE_URL" || name == "AMQP_URL" {
                command.env_remove(name);
            }
        }
        command.args(arguments).envs(&self.0).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs a command until it exits.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output();
        tokio::time::timeout(TIMEOUT, output).await.expect("payoutd exits").expect("payoutd can be run")
    }

    /// Runs a command and returns its standard output. Panics if the command fails.
    pub(crate) async fn stdout_of(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "payoutd {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }
}

/// A running `payoutd serve`. Dropping the value kills the process.
pub(crate) struct Payoutd {
    settings: Settings,
    process: Child,
    log: Log,
    api: String,
    ops: String,
}

impl Payoutd {
    /// Starts payoutd and waits until it is ready.
    pub(crate) async fn start(settings: &Settings) -> Self {
        let payoutd = Self::start_until_listening(settings).await;
        eventually("payoutd is ready", || async { (payoutd.readiness().await == 200).then_some(()) }).await;
        payoutd
    }

    /// Starts payoutd and waits until it listens.
    pub(crate) async fn start_until_listening(settings: &Settings) -> Self {
        let mut process = settings
            .command(&["serve"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("payoutd can be run");
        let log = Log::default();
        log.follow(process.stdout.take().expect("a pipe"));
        log.follow(process.stderr.take().expect("a pipe"));
        let api = log.listen_address("partner API listening on ", &mut process).await;
        let ops = log.listen_address("operators listening on ", &mut process).await;
        Self { settings: settings.clone(), process, log, api, ops }
    }

    /// The URL of the partner API.
    pub(crate) fn api(&self) -> &str {
        &self.api
    }

    /// The log of the process up to now.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// The status of `/readyz`, or 0 if the process does not respond.
    pub(crate) async fn readiness(&self) -> u16 {
        let token = self.settings.0.get("PAYOUTD_OPS__TOKEN").map_or("", String::as_str);
        let request = self.ops_request("/readyz").bearer_auth(token);
        HttpResponse::try_to(request).await.map_or(0, |response| response.status)
    }

    /// Sends a request to the operators' listener.
    pub(crate) async fn ops_get(&self, path: &str) -> HttpResponse {
        HttpResponse::to(self.ops_request(path)).await
    }

    /// A request to the operators' listener.
    pub(crate) fn ops_request(&self, path: &str) -> reqwest::RequestBuilder {
        reqwest::Client::new().get(format!("{}{path}", self.ops))
    }

    /// The value of a metric: the sum over all label sets that contain `label`.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> f64 {
        let scrape = self.ops_get("/metrics").await;
        assert_eq!(scrape.status, 200, "{scrape:?}");
        let of_name = |line: &&str| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])) && line.contains(label)
        };
        let value =
            |line: &str| -> f64 { line.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number") };
        scrape.text.lines().filter(of_name).map(value).sum()
    }

    /// A partner with a new key.
    pub(crate) async fn partner(&self, org: &str, mode: &str) -> Partner {
        let key = self.settings.stdout_of(&["keys", "create", "--org", org, "--mode", mode]).await;
        Partner::new(&self.api, key.trim_end())
    }

    /// A client with the same key for this process, which may listen on another port than the process before it.
    pub(crate) fn reconnect(&self, partner: &Partner) -> Partner {
        Partner::new(&self.api, partner.key())
    }

    /// Kills the process with SIGKILL.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.expect("the process can be killed");
    }

    /// Sends SIGTERM to the process, and does not wait.
    pub(crate) async fn send_sigterm(&self) {
        let id = self.process.id().expect("the process runs").to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await.expect("kill can be run");
        assert!(sent.success());
    }

    /// Waits until the process exits.
    pub(crate) async fn wait_for_exit(&mut self) -> ExitStatus {
        let status = tokio::time::timeout(TIMEOUT, self.process.wait()).await;
        status
            .unwrap_or_else(|_| panic!("payoutd does not exit: {}", self.log()))
            .expect("the process can be waited for")
    }

    /// Sends SIGTERM to the process, and waits until it exits with code 0.
    pub(crate) async fn terminate(&mut self) {
        self.send_sigterm().await;
        let status = self.wait_for_exit().await;
        assert!(status.success(), "{status}: {}", self.log());
    }

    /// Replaces the process, which was stopped, with a new one that has the same settings.
    pub(crate) async fn restart(&mut self) {
        let next = Self::start(&self.settings).await;
        *self = next;
    }
}

impl Drop for Payoutd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            print_error(&format!("the end of payoutd's log:\n{}", tail.join("\n")));
        }
    }
}

#[expect(clippy::print_stderr, reason = "a failing test shows the log of the program")]
fn print_error(text: &str) {
    eprintln!("{text}");
}

/// The output of a process.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn follow(&self, pipe: impl AsyncRead + Send + Unpin + 'static) {
        let log = self.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(pipe).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut text = log.0.lock().expect("no thread panics with the lock");
                text.push_str(&line);
                text.push('\n');
            }
        });
    }

    fn text(&self) -> String {
        self.0.lock().expect("no thread panics with the lock").clone()
    }

    /// Waits until the log contains `prefix`, and returns the address after it.
    async fn listen_address(&self, prefix: &str, process: &mut Child) -> String {
        let deadline = tokio::time::Instant::now() + TIMEOUT;
        loop {
            let text = self.text();
            if let Some((_, rest)) = text.split_once(prefix) {
                let is_address = |c: &char| c.is_ascii_alphanumeric() || "./:[]".contains(*c);
                let address: String = rest.chars().take_while(is_address).collect();
                if rest.len() > address.len() {
                    return address;
                }
            }
            if let Some(status) = process.try_wait().expect("the process can be waited for") {
                // The pipes may contain text that was not read before the exit.
                tokio::time::sleep(Duration::from_millis(100)).await;
                panic!("payoutd exited ({status}): {}", self.text());
            }
            assert!(tokio::time::Instant::now() < deadline, "payoutd does not listen: {text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
