//! The program itself, run as it is in production.

use std::collections::BTreeMap;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::{Answer, PATIENCE, Partner, eventually};

/// The environment that payoutd is started with.
#[derive(Debug, Clone)]
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// On this database and this broker, listening on any free port.
    pub(crate) fn new(database_url: &str, amqp_url: &str) -> Self {
        Self(BTreeMap::new())
            .with("DATABASE_URL", database_url)
            .with("AMQP_URL", amqp_url)
            .with("PAYOUTD_HTTP__LISTEN", "127.0.0.1:0")
            .with("PAYOUTD_OPS__LISTEN", "127.0.0.1:0")
            // Not where it listens, so that it is the same after a restart.
            .with("PAYOUTD_HTTP__PUBLIC_URL", "https://payouts.example")
            .with("PAYOUTD_QUOTES__SIGNING_KEY", &"5eed".repeat(16))
            // Tests that are not about limits call as often as they can.
            .with("PAYOUTD_LIMITS__READS_PER_SECOND", "0")
            .with("PAYOUTD_LIMITS__WRITES_PER_SECOND", "0")
    }

    /// With one more setting, or another value for it.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// payoutd with these settings, and none of those that this process happens to have.
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

    /// Runs one of its other commands to the end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let ended = self.command(arguments).output();
        tokio::time::timeout(PATIENCE, ended).await.expect("it ends").expect("it can be run")
    }

    /// What one of its other commands prints on its standard output, when it succeeds.
    pub(crate) async fn print(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "payoutd {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }
}

/// A running `payoutd serve`. Killed when it goes out of scope.
pub(crate) struct Payoutd {
    settings: Settings,
    process: Child,
    log: Log,
    api: String,
    operators: String,
}

impl Payoutd {
    /// Starts it, and waits until it is ready.
    pub(crate) async fn start(settings: &Settings) -> Self {
        let payoutd = Self::start_unready(settings).await;
        eventually("payoutd is ready", || async { (payoutd.ready().await == 200).then_some(()) }).await;
        payoutd
    }

    /// Starts it, and waits until it listens.
    pub(crate) async fn start_unready(settings: &Settings) -> Self {
        let mut process = settings
            .command(&["serve"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("payoutd can be run");
        let log = Log::default();
        log.follow(process.stdout.take().expect("a pipe"));
        log.follow(process.stderr.take().expect("a pipe"));
        let api = log.listening("partner API listening on ", &mut process).await;
        let operators = log.listening("operators listening on ", &mut process).await;
        Self { settings: settings.clone(), process, log, api, operators }
    }

    /// The address of the partner API.
    pub(crate) fn api(&self) -> &str {
        &self.api
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// What `/readyz` answers; 0 where nobody does.
    pub(crate) async fn ready(&self) -> u16 {
        let token = self.settings.0.get("PAYOUTD_OPS__TOKEN").map_or("", String::as_str);
        let request = self.operators_request("/readyz").bearer_auth(token);
        Answer::try_to(request).await.map_or(0, |answer| answer.status)
    }

    /// Asks the operators' listener.
    pub(crate) async fn ask_operators(&self, path: &str) -> Answer {
        Answer::to(self.operators_request(path)).await
    }

    /// A request to the operators' listener, to be sent.
    pub(crate) fn operators_request(&self, path: &str) -> reqwest::RequestBuilder {
        reqwest::Client::new().get(format!("{}{path}", self.operators))
    }

    /// The value of a metric: the sum over all its label sets that have `label`.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> f64 {
        let scrape = self.ask_operators("/metrics").await;
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
        let key = self.settings.print(&["keys", "create", "--org", org, "--mode", mode]).await;
        Partner::new(&self.api, key.trim_end())
    }

    /// The same partner, of this process: it may listen elsewhere than the one before it.
    pub(crate) fn again(&self, partner: &Partner) -> Partner {
        Partner::new(&self.api, partner.key())
    }

    /// SIGKILL: ends it in the middle of whatever it does.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.expect("it can be killed");
    }

    /// SIGTERM, without waiting.
    pub(crate) async fn ask_to_end(&self) {
        let id = self.process.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await.expect("kill can be run");
        assert!(sent.success());
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.process.wait()).await;
        ended
            .unwrap_or_else(|_| panic!("payoutd does not end: {}", self.log()))
            .expect("it can be waited for")
    }

    /// SIGTERM: asks it to end, and expects it to do so in good order.
    pub(crate) async fn terminate(&mut self) {
        self.ask_to_end().await;
        let status = self.ended().await;
        assert!(status.success(), "{status}: {}", self.log());
    }

    /// Starts another in its place, with the same settings.
    pub(crate) async fn start_again(&mut self) {
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
            report(&format!("the end of payoutd's log:\n{}", tail.join("\n")));
        }
    }
}

#[expect(clippy::print_stderr, reason = "a failing test says what the program said")]
fn report(text: &str) {
    eprintln!("{text}");
}

/// What a process writes, as it comes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn follow(&self, pipe: impl AsyncRead + Send + Unpin + 'static) {
        let log = self.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(pipe).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut text = log.0.lock().expect("nobody panics with it");
                text.push_str(&line);
                text.push('\n');
            }
        });
    }

    fn text(&self) -> String {
        self.0.lock().expect("nobody panics with it").clone()
    }

    /// The address that it says it listens on.
    async fn listening(&self, words: &str, process: &mut Child) -> String {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let text = self.text();
            if let Some((_, rest)) = text.split_once(words) {
                let is_address = |c: &char| c.is_ascii_alphanumeric() || "./:[]".contains(*c);
                let address: String = rest.chars().take_while(is_address).collect();
                if rest.len() > address.len() {
                    return address;
                }
            }
            if let Some(status) = process.try_wait().expect("it can be waited for") {
                // The pipes may hold a little more than was read so far.
                tokio::time::sleep(Duration::from_millis(100)).await;
                panic!("payoutd ended ({status}): {}", self.text());
            }
            assert!(tokio::time::Instant::now() < deadline, "payoutd does not listen: {text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
