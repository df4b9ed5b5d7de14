//! Configuration: documented defaults embedded in the program, an optional file, the environment.
//!
//! Every module gets the small piece it needs; none reads the whole.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use config::{Environment, File, FileFormat};
use serde::Deserialize;

use crate::quotes::RoutesConfig;
use crate::tracking::FrameAncestors;

/// The documented defaults, as TOML.
pub const DEFAULTS: &str = include_str!("config.default.toml");
/// The documented default routes, as TOML.
pub const DEFAULT_ROUTES: &str = include_str!("quotes/routes.default.toml");

/// Everything that can be set. `config.default.toml` says what each key means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents every key, once")]
pub struct Config {
    pub http: Http,
    pub ops: Ops,
    pub idempotency: Idempotency,
    pub limits: Limits,
    pub quotes: Quotes,
    pub routes: RoutesConfig,
    pub database: Database,
    pub amqp: Amqp,
    pub reports: Reports,
    pub actors: Actors,
    pub commit: Commit,
    pub relay: Relay,
    pub sweep: Sweep,
    pub sandbox: Sandbox,
    pub waiting: Waiting,
    pub webhooks: Webhooks,
    pub tracking: Tracking,
    pub log: Log,
}

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $kind:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(missing_docs, reason = "config.default.toml documents every key, once")]
        pub struct $name { $(pub $key: $kind),+ }
    };
}

section!(
    /// The partner API.
    Http {
        listen: SocketAddr,
        public_url: String,
        base_path: String,
        max_connections: usize,
        max_body_bytes: usize,
        header_timeout_seconds: u64,
        request_timeout_seconds: u64,
        drain_seconds: u64,
    }
);
section!(
    /// The operators' listener.
    Ops { listen: SocketAddr, token: Secret }
);
section!(
    /// Answers kept for requests that come again.
    Idempotency { keep_hours: u32 }
);
section!(
    /// How often partners may call.
    Limits {
        reads_per_second: u32,
        reads_burst: u32,
        writes_per_second: u32,
        writes_burst: u32,
        refused_keys_per_minute: u32,
    }
);
section!(
    /// Quotes.
    Quotes { signing_key: Secret, ttl_seconds: u32 }
);
section!(
    /// The database.
    Database {
        url: Secret,
        max_connections: u32,
        connect_timeout_seconds: u64,
        statement_timeout_seconds: u64,
        migrate: bool,
    }
);
section!(
    /// The broker.
    Amqp { url: Secret, prefetch: u16, delivery_limit: u32, confirm_timeout_seconds: u64 }
);
section!(
    /// What is taken in.
    Reports { max_bytes: usize, park_seconds: u32 }
);
section!(
    /// The actors.
    Actors { max_live: usize, idle_seconds: u64, ended_seconds: u64, failure_limit: u32, quarantine_seconds: u64 }
);
section!(
    /// Group commit.
    Commit { lanes: usize, max_batch: usize }
);
section!(
    /// The outbox relay.
    Relay { batch: u32, poll_millis: u64 }
);
section!(
    /// The sweep for late payouts.
    Sweep { every_millis: u64, batch: u32 }
);
section!(
    /// The simulator.
    Sandbox { poll_millis: u64 }
);
section!(
    /// Requests held open until something happens.
    Waiting { max_held: usize, max_held_per_key: usize, heartbeat_seconds: u64, stream_seconds: u64 }
);
section!(
    /// Webhooks.
    Webhooks {
        allow_insecure: bool,
        allow_private_addresses: bool,
        timeout_seconds: u64,
        concurrency: usize,
        per_endpoint: usize,
        keep_days: u32,
        poll_millis: u64,
    }
);
section!(
    /// The public tracking page.
    Tracking {
        frame_ancestors: FrameAncestors,
        max_streams: usize,
        max_streams_per_payout: usize,
        misses_per_minute: u32,
    }
);
section!(
    /// Logs.
    Log { format: LogFormat, filter: String }
);

impl Idempotency {
    /// How long answers are kept.
    #[must_use]
    pub fn keep(&self) -> Duration {
        Duration::from_secs(u64::from(self.keep_hours) * 60 * 60)
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// A setting that must not be shown: it may hold a password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The value itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value, where one is set.
    #[must_use]
    pub fn set(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(self.0.as_str())
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.into())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "unset" } else { "…" })
    }
}

/// Why the configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key is unknown, or its value does not fit.
    #[error("the configuration is refused: {0}")]
    Refused(String),
    /// A value is of the right kind but makes no sense.
    #[error("the configuration is refused: {key} {problem}")]
    BadValue {
        /// The key, as `section.key`.
        key: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// The variables that have names of their own, and the keys they set.
const CONVENTIONAL: [(&str, &str); 2] = [("DATABASE_URL", "database.url"), ("AMQP_URL", "amqp.url")];
const FILE_VARIABLE: &str = "PAYOUTD_CONFIG";
const PREFIX: &str = "PAYOUTD_";

impl Config {
    /// Reads the configuration from the process's environment and the file it names.
    ///
    /// # Errors
    /// Where a key is unknown or a value does not fit; the message names the key.
    pub fn from_process() -> Result<Self, ConfigError> {
        Self::from_environment(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// Reads the configuration as if `environment` were the environment.
    ///
    /// # Errors
    /// Where a key is unknown or a value does not fit; the message names the key.
    pub fn from_environment(
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut environment: HashMap<String, String> = environment.into_iter().collect();
        let file = environment.remove(FILE_VARIABLE);
        Self::read(file.map(|path| File::from(Path::new(&path)).format(FileFormat::Toml)), environment)
    }

    /// Reads the configuration as if `file` were what the file says, for the fuzz targets in `tests/fuzz`.
    ///
    /// # Errors
    /// Where a key is unknown or a value does not fit; the message names the key.
    #[doc(hidden)]
    pub fn from_text(
        file: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        Self::read(Some(File::from_str(file, FileFormat::Toml)), environment.into_iter().collect())
    }

    fn read<S: config::Source + Send + Sync + 'static>(
        file: Option<S>,
        mut environment: HashMap<String, String>,
    ) -> Result<Self, ConfigError> {
        // For `payoutd_actors::failpoint`. Where there are no such points, asking for one is an error.
        #[cfg(feature = "failpoints")]
        environment.remove("PAYOUTD_KILL_AT");
        let mut builder = config::Config::builder()
            .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
            .add_source(File::from_str(DEFAULT_ROUTES, FileFormat::Toml));
        if let Some(file) = file {
            builder = builder.add_source(file);
        }
        for (variable, key) in CONVENTIONAL {
            if let Some(value) = environment.remove(variable) {
                builder = builder.set_override(key, value).map_err(refused)?;
            }
        }
        let ours = environment.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
        let variables =
            Environment::with_prefix("PAYOUTD").prefix_separator("_").separator("__").source(Some(ours));
        let built = builder.add_source(variables).build().map_err(refused)?;
        let config: Self = built.try_deserialize().map_err(refused)?;
        config.check()?;
        Ok(config)
    }

    /// What types cannot say.
    fn check(&self) -> Result<(), ConfigError> {
        let bad = |key, problem: &str| Err(ConfigError::BadValue { key, problem: problem.into() });
        let at_least_one = [
            ("http.max_connections", self.http.max_connections),
            ("http.max_body_bytes", self.http.max_body_bytes),
            ("limits.reads_burst", self.limits.reads_burst as usize),
            ("limits.writes_burst", self.limits.writes_burst as usize),
            ("quotes.ttl_seconds", self.quotes.ttl_seconds as usize),
            ("database.max_connections", self.database.max_connections as usize),
            ("amqp.prefetch", usize::from(self.amqp.prefetch)),
            ("amqp.delivery_limit", self.amqp.delivery_limit as usize),
            ("reports.max_bytes", self.reports.max_bytes),
            ("actors.max_live", self.actors.max_live),
            ("actors.failure_limit", self.actors.failure_limit as usize),
            ("commit.lanes", self.commit.lanes),
            ("commit.max_batch", self.commit.max_batch),
            ("relay.batch", self.relay.batch as usize),
            ("sweep.batch", self.sweep.batch as usize),
            ("webhooks.concurrency", self.webhooks.concurrency),
            ("webhooks.per_endpoint", self.webhooks.per_endpoint),
            ("webhooks.keep_days", self.webhooks.keep_days as usize),
            ("tracking.max_streams_per_payout", self.tracking.max_streams_per_payout),
            ("tracking.misses_per_minute", self.tracking.misses_per_minute as usize),
        ];
        for (key, value) in at_least_one {
            if value == 0 {
                return bad(key, "must be at least 1");
            }
        }
        let periods = [
            ("relay.poll_millis", self.relay.poll_millis),
            ("sweep.every_millis", self.sweep.every_millis),
            ("sandbox.poll_millis", self.sandbox.poll_millis),
            ("webhooks.poll_millis", self.webhooks.poll_millis),
        ];
        for (key, value) in periods {
            if !(10..=60_000).contains(&value) {
                return bad(key, "must be between 10 and 60000");
            }
        }
        for (key, value) in [
            ("waiting.heartbeat_seconds", self.waiting.heartbeat_seconds),
            ("waiting.stream_seconds", self.waiting.stream_seconds),
        ] {
            if !(1..=86_400).contains(&value) {
                return bad(key, "must be between 1 and 86400");
            }
        }
        if !(24..=8760).contains(&self.idempotency.keep_hours) {
            return bad("idempotency.keep_hours", "must be between 24 and 8760");
        }
        if !(1..=60).contains(&self.webhooks.timeout_seconds) {
            return bad("webhooks.timeout_seconds", "must be between 1 and 60");
        }
        if self.quotes.signing_key.set().is_some_and(|key| key.len() < 16) {
            return bad("quotes.signing_key", "must have at least 16 characters");
        }
        if self.ops.token.set().is_none() && !self.ops.listen.ip().is_loopback() {
            return bad("ops.token", "must be set where ops.listen is not a loopback address");
        }
        let path = &self.http.base_path;
        if !path.is_empty()
            && (!path.starts_with('/') || path.ends_with('/') || path.contains(['{', '}', '*', '?', '#']))
        {
            return bad("http.base_path", "must start with a slash, not end with one, and be a plain path");
        }
        let url = &self.http.public_url;
        if !(url.is_empty() || url.starts_with("http://") || url.starts_with("https://")) {
            return bad("http.public_url", "must start with http:// or https://");
        }
        Ok(())
    }

    /// The address partners' users reach us under.
    #[must_use]
    pub fn public_url(&self) -> String {
        let set = self.http.public_url.trim_end_matches('/');
        if set.is_empty() { format!("http://{}", self.http.listen) } else { set.to_owned() }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
fn refused(error: config::ConfigError) -> ConfigError {
    ConfigError::Refused(without_values(&error))
}

/// What is wrong, without the value at fault: it may be a secret, and this goes into a log.
fn without_values(error: &config::ConfigError) -> String {
    use config::ConfigError as E;
    let at = |key: &Option<String>, origin: &Option<String>| {
        let key = key.as_ref().map(|key| format!(" for key `{key}`")).unwrap_or_default();
        key + &origin.as_ref().map(|origin| format!(" in {origin}")).unwrap_or_default()
    };
    match error {
        E::FileParse { uri, cause } => unquoted(&cause.to_string()) + &at(&None, uri),
        E::Type { origin, unexpected, expected, key } => {
            let unexpected = unexpected.to_string();
            format!("invalid type: {}, expected {expected}{}", kind_of(&unexpected), at(key, origin))
        }
        E::At { error, origin, key } => without_values(error) + &at(key, origin),
        E::Message(said) => match said.rsplit_once(", expected ") {
            Some((found, expected)) if found.starts_with("invalid ") => {
                format!("{}, expected {expected}", kind_of(found))
            }
            Some(_) | None => said.clone(),
        },
        E::Frozen | E::NotFound(_) | E::PathParse { .. } | E::Foreign(_) | _ => error.to_string(),
    }
}

/// What a value is said to be, without the value, which follows in quotes.
fn kind_of(found: &str) -> &str {
    found.split(['`', '"']).next().unwrap_or_default().trim_end()
}

/// A parser's complaint without the line of the file that it shows.
fn unquoted(complaint: &str) -> String {
    let shown =
        |line: &&str| line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).starts_with('|');
    complaint.lines().filter(|line| !shown(line)).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_environment(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn the_defaults_are_the_contracts() {
        let config = read(&[]).unwrap();
        assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.ops.listen.to_string(), "127.0.0.1:8081");
        assert_eq!(config.quotes.ttl_seconds, 60);
        assert_eq!(config.http.base_path, "");
        assert_eq!(config.public_url(), "http://127.0.0.1:8080");
    }

    #[test]
    fn the_environment_wins_and_secrets_stay_text() {
        let config = read(&[
            ("DATABASE_URL", "sqlite:a"),
            ("AMQP_URL", "amqp://b"),
            ("PAYOUTD_HTTP__LISTEN", "127.0.0.1:9"),
            ("PAYOUTD_OPS__TOKEN", "00123"),
            ("PAYOUTD_QUOTES__TTL_SECONDS", "5"),
            ("HOME", "elsewhere"),
        ])
        .unwrap();
        assert_eq!(config.database.url.expose(), "sqlite:a");
        assert_eq!(config.amqp.url.expose(), "amqp://b");
        assert_eq!(config.http.listen.port(), 9);
        assert_eq!(config.ops.token.expose(), "00123");
        assert_eq!(config.quotes.ttl_seconds, 5);
        assert!(!format!("{config:?}").contains("00123"));
    }

    #[test]
    fn sites_that_embed_the_tracking_page_are_listed_in_a_file_or_in_one_variable() {
        let embedders = |pairs: &[_]| read(pairs).unwrap().tracking.frame_ancestors.to_string();
        assert_eq!(embedders(&[]), "'none'");
        let variable = "PAYOUTD_TRACKING__FRAME_ANCESTORS";
        assert_eq!(
            embedders(&[(variable, "https://a.example https://b.example")]),
            "https://a.example https://b.example"
        );
        assert_eq!(embedders(&[(variable, "")]), "'none'");
        let file = tempfile::NamedTempFile::with_suffix(".conf").unwrap();
        std::fs::write(&file, "[tracking]\nframe_ancestors = [\"self\", \"https://c.example\"]\n").unwrap();
        let path = file.path().to_str().unwrap();
        assert_eq!(embedders(&[("PAYOUTD_CONFIG", path)]), "'self' https://c.example");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (variable, value, named) in [
            ("PAYOUTD_HTTP__LISTEM", "x", "listem"),
            ("PAYOUTD_HTPP__LISTEN", "x", "htpp"),
            ("PAYOUTD_HTTP__LISTEN", "nowhere", "http.listen"),
            ("PAYOUTD_IDEMPOTENCY__KEEP_HOURS", "23", "idempotency.keep_hours"),
            ("PAYOUTD_LIMITS__WRITES_BURST", "0", "limits.writes_burst"),
            ("PAYOUTD_LIMITS__READS_PER_SECOND", "-1", "limits.reads_per_second"),
            ("PAYOUTD_QUOTES__TTL_SECONDS", "soon", "quotes.ttl_seconds"),
            ("PAYOUTD_QUOTES__TTL_SECONDS", "-1", "quotes.ttl_seconds"),
            ("PAYOUTD_QUOTES__TTL_SECONDS", "0", "quotes.ttl_seconds"),
            ("PAYOUTD_QUOTES__SIGNING_KEY", "short", "quotes.signing_key"),
            ("PAYOUTD_OPS__LISTEN", "0.0.0.0:1", "ops.token"),
            ("PAYOUTD_HTTP__BASE_PATH", "v1", "http.base_path"),
            ("PAYOUTD_HTTP__PUBLIC_URL", "example.org", "http.public_url"),
            ("PAYOUTD_LOG__FORMAT", "xml", "log.format"),
            ("PAYOUTD_TRACKING__FRAME_ANCESTORS", "*", "tracking.frame_ancestors"),
            ("PAYOUTD_TRACKING__MISSES_PER_MINUTE", "0", "tracking.misses_per_minute"),
            ("PAYOUTD_CONFIG", "nowhere.toml", "nowhere.toml"),
        ] {
            let error = read(&[(variable, value)]).unwrap_err().to_string();
            assert!(error.contains(named), "{variable}={value}: {error}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_without_the_value() {
        for (pairs, file, named) in [
            (vec![], "[quotes]\nsigning_key = \"hush\n", "line 2"),
            (vec![], "[quotes]\nsigning_key = hush\n", "line 2"),
            (vec![], "[ops]\ntoken = \"hush\"\ntoken = \"hush\"\n", "line 3"),
            (vec![], "[ops]\ntoken = \"\"\"\nhush\n", "line"),
            (vec![], "ops = \"hush\"\n", "ops"),
            (vec![("PAYOUTD_DATABASE", "postgres://payoutd:hush@db/payoutd")], "", "database"),
            (vec![("PAYOUTD_QUOTES__SIGNING_KEY", "hush")], "", "quotes.signing_key"),
        ] {
            let pairs = pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned()));
            let error = Config::from_text(file, pairs).unwrap_err().to_string();
            assert!(error.contains(named) && !error.contains("hush"), "{file}: {error}");
        }
    }

    #[test]
    fn a_file_stands_between_defaults_and_environment() {
        let file = tempfile::NamedTempFile::with_suffix(".conf").unwrap();
        std::fs::write(&file, "[quotes]\nttl_seconds = 7\n[actors]\nmax_live = 3\n").unwrap();
        let path = file.path().to_str().unwrap();
        let config = read(&[("PAYOUTD_CONFIG", path), ("PAYOUTD_QUOTES__TTL_SECONDS", "8")]).unwrap();
        assert_eq!((config.quotes.ttl_seconds, config.actors.max_live), (8, 3));
        std::fs::write(&file, "[quotes]\nttl = 7\n").unwrap();
        let error = read(&[("PAYOUTD_CONFIG", path)]).unwrap_err().to_string();
        assert!(error.contains("ttl"), "{error}");
    }
}
