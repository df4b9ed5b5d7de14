//! The servers of this test run, and the script that starts and stops them.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Where the shared servers are.
pub(crate) struct Servers {
    /// Everything below it is stopped and removed when the run ends.
    pub(crate) directory: PathBuf,
    /// Without a database's name.
    pub(crate) postgres_url: String,
    /// Without a virtual host's name.
    pub(crate) amqp_url: String,
    /// RabbitMQ's management API.
    pub(crate) rabbit_api_url: String,
    /// A Python that has the test clients' packages.
    pub(crate) python: PathBuf,
}

/// The shared servers of this run: those that the environment names, or else some of our own, which end with this
/// process.
pub(crate) fn shared() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let started = if env::var_os("TEST_SERVERS").is_some() { HashMap::new() } else { start() };
        let address = |name: &str| {
            started
                .get(name)
                .cloned()
                .or_else(|| env::var(name).ok())
                .unwrap_or_else(|| panic!("TEST_SERVERS is set and {name} is not: run scripts/test"))
        };
        Servers {
            directory: address("TEST_SERVERS").into(),
            postgres_url: address("TEST_POSTGRES_URL"),
            amqp_url: address("TEST_AMQP_URL"),
            rabbit_api_url: address("TEST_RABBIT_API_URL"),
            python: address("TEST_PYTHON").into(),
        }
    })
}

fn start() -> HashMap<String, String> {
    let printed = script(&["start", "--while", &std::process::id().to_string()]);
    let pair = |line: &str| {
        let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    printed.lines().filter_map(pair).collect()
}

/// Runs `scripts/test-servers` and returns what it printed.
fn script(arguments: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/test-servers");
    let output = Command::new(path)
        .args(arguments)
        .env_remove("NEXTEST_ENV")
        .stdin(Stdio::null())
        .output()
        .expect("scripts/test-servers can be run");
    let (printed, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "test-servers {arguments:?}: {printed}{complaint}");
    printed.into_owned()
}

/// A server that a test has for itself, to stop and start as it likes. It ends with the value.
pub(crate) struct PrivateServer {
    kind: &'static str,
    directory: PathBuf,
}

impl PrivateServer {
    /// Starts one: `postgres` or `rabbit`.
    pub(crate) async fn start(kind: &'static str) -> Self {
        let directory = shared().directory.join(format!("{kind}-{}", uuid::Uuid::now_v7().simple()));
        let server = Self { kind, directory };
        server.start_again().await;
        server
    }

    /// Starts it where it was.
    pub(crate) async fn start_again(&self) {
        self.call(&["start"]).await;
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(&self) {
        self.call(&["stop"]).await;
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(&self) {
        self.call(&["stop", "--kill"]).await;
    }

    /// A fact that it wrote into its directory.
    pub(crate) fn fact(&self, name: &str) -> String {
        let path = self.directory.join(name);
        std::fs::read_to_string(&path).expect("the server wrote it").trim().to_owned()
    }

    async fn call(&self, command: &'static [&'static str]) {
        let (kind, directory) = (self.kind, self.directory.clone());
        let call = move || run(kind, command, &directory);
        tokio::task::spawn_blocking(call).await.expect("the script ran");
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            run(self.kind, &["stop", "--kill"], &self.directory);
        }
        // After a panic the run's end takes care of it, and its log can still be read meanwhile.
    }
}

fn run(kind: &str, command: &[&str], directory: &Path) {
    let directory = directory.to_str().expect("a path of our own");
    let (verb, options) = command.split_first().expect("a command");
    let mut arguments = vec![kind, verb, directory];
    arguments.extend(options);
    script(&arguments);
}
