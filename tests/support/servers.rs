//! The servers of the test run, which `scripts/test-servers` starts and stops.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The addresses of the shared servers.
pub(crate) struct Servers {
    /// The directory of all servers. At the end of the run, the servers are stopped and the directory is removed.
    pub(crate) directory: PathBuf,
    /// The URL without the name of a database.
    pub(crate) postgres_url: String,
    /// The URL without the name of a virtual host.
    pub(crate) amqp_url: String,
    /// The URL of RabbitMQ's management API.
    pub(crate) rabbit_api_url: String,
    /// The Python interpreter that has the packages of the test clients.
    pub(crate) python: PathBuf,
}

/// The shared servers of the run: the ones that the environment names. If it names none, this starts servers that stop
/// with this process.
pub(crate) fn shared() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let started = if env::var_os("TEST_SERVERS").is_some() { HashMap::new() } else { start() };
        let address = |name: &str| {
            started
                .get(name)
                .cloned()
                .or_else(|| env::var(name).ok())
                .unwrap_or_else(|| panic!("TEST_SERVERS is set but {name} is not: run scripts/test"))
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

/// Runs `scripts/test-servers` and returns its standard output.
fn script(arguments: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/test-servers");
    let output = Command::new(path)
        .args(arguments)
        .env_remove("NEXTEST_ENV")
        .stdin(Stdio::null())
        .output()
        .expect("scripts/test-servers can be run");
    let (printed, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "test-servers {arguments:?}: {printed}{errors}");
    printed.into_owned()
}

/// A server of one test, which the test stops and starts. Dropping the value stops the server.
pub(crate) struct PrivateServer {
    kind: &'static str,
    directory: PathBuf,
}

impl PrivateServer {
    /// Starts a server of the kind `postgres` or `rabbit`.
    pub(crate) async fn start(kind: &'static str) -> Self {
        let directory = shared().directory.join(format!("{kind}-{}", uuid::Uuid::now_v7().simple()));
        let server = Self { kind, directory };
        server.restart().await;
        server
    }

    /// Starts the server, with the data of its directory.
    pub(crate) async fn restart(&self) {
        self.call(&["start"]).await;
    }

    /// Stops the server and waits until it exits.
    pub(crate) async fn stop(&self) {
        self.call(&["stop"]).await;
    }

    /// Kills the server, as a crash would.
    pub(crate) async fn kill(&self) {
        self.call(&["stop", "--kill"]).await;
    }

    /// Reads a file that the server's script wrote into its directory.
    pub(crate) fn read_file(&self, name: &str) -> String {
        let path = self.directory.join(name);
        std::fs::read_to_string(&path).expect("the script wrote the file").trim().to_owned()
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
        // After a panic, the end of the run stops the server. Its log stays readable until then.
    }
}

fn run(kind: &str, command: &[&str], directory: &Path) {
    let directory = directory.to_str().expect("UTF-8");
    let (verb, options) = command.split_first().expect("a command");
    let mut arguments = vec![kind, verb, directory];
    arguments.extend(options);
    script(&arguments);
}
