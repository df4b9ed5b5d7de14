//! Configuration: the documented defaults embedded in the program, an optional file, the environment.

mod check;
mod error_text;
mod frame_ancestors;
mod routes;
mod secret;
mod sections;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;

use config::{Environment, File, FileFormat};
use serde::Deserialize;

pub use self::frame_ancestors::{FrameAncestors, InvalidFrameAncestors};
pub use self::routes::{AssetConfig, BridgeConfig, DefaultNetworks, NetworkConfig, RoutesConfig};
pub use self::secret::Secret;
pub use self::sections::{
    Actors, Amqp, Commit, Database, Http, Idempotency, Limits, Log, LogFormat, Ops, Quotes, Relay, Reports,
    Sandbox, Sweep, Tracking, Waiting, Webhooks,
};

/// The documented defaults, as TOML.
pub const DEFAULTS: &str = include_str!("config.default.toml");

/// All settings. `config.default.toml` documents every key and is the only source of their defaults.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
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

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A source cannot be read, a key is unknown, or a value has the wrong type.
    #[error("the configuration is refused: {0}")]
    Unreadable(String),
    /// A value has the right type but is out of range.
    #[error("the configuration is refused: {key} {problem}")]
    InvalidValue {
        /// The key, as `section.key`.
        key: &'static str,
        problem: String,
    },
}

/// The variables with conventional names, and the keys they set.
const CONVENTIONAL: [(&str, &str); 2] = [("DATABASE_URL", "database.url"), ("AMQP_URL", "amqp.url")];
const FILE_VARIABLE: &str = "PAYOUTD_CONFIG";
const PREFIX: &str = "PAYOUTD_";

impl Config {
    /// Reads the configuration from the environment of the process and the file it names.
    ///
    /// # Errors
    /// Returns `ConfigError` if a source cannot be read, a key is unknown or a value is invalid. The message names the key.
    pub fn from_process() -> Result<Self, ConfigError> {
        Self::from_environment(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// Reads the configuration from the variables in `environment` and the file they name.
    ///
    /// # Errors
    /// Returns `ConfigError` if a source cannot be read, a key is unknown or a value is invalid. The message names the key.
    pub fn from_environment(
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut environment: HashMap<String, String> = environment.into_iter().collect();
        let file = environment.remove(FILE_VARIABLE);
        Self::read(file.map(|path| File::from(Path::new(&path)).format(FileFormat::Toml)), environment)
    }

    /// Reads the configuration with `file` as the text of the file. For the fuzz targets in `tests/fuzz`.
    ///
    /// # Errors
    /// Returns `ConfigError` if a source cannot be read, a key is unknown or a value is invalid. The message names the key.
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
        // Read by `payoutd_actors::failpoint`. Without the feature, the variable is an unknown key.
        #[cfg(feature = "failpoints")]
        environment.remove("PAYOUTD_KILL_AT");
        let mut builder = config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(file) = file {
            builder = builder.add_source(file);
        }
        for (variable, key) in CONVENTIONAL {
            if let Some(value) = environment.remove(variable) {
                builder = builder.set_override(key, value).map_err(unreadable)?;
            }
        }
        let settings = environment.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
        let variables =
            Environment::with_prefix("PAYOUTD").prefix_separator("_").separator("__").source(Some(settings));
        let built = builder.add_source(variables).build().map_err(unreadable)?;
        let config: Self = built.try_deserialize().map_err(unreadable)?;
        config.check()?;
        Ok(config)
    }

    /// The base URL of tracking pages, without a trailing slash.
    #[must_use]
    pub fn public_url(&self) -> String {
        let set = self.http.public_url.trim_end_matches('/');
        if set.is_empty() { format!("http://{}", self.http.listen) } else { set.to_owned() }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err requires")]
fn unreadable(error: config::ConfigError) -> ConfigError {
    ConfigError::Unreadable(error_text::without_values(&error))
}
