//! Configuration: documented defaults embedded in the program, an optional file, the environment.
//!
//! Every module gets the small piece it needs; none reads the whole.

mod check;
mod frame_ancestors;
mod refusal;
mod secret;
mod sections;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;

use config::{Environment, File, FileFormat};
use serde::Deserialize;

pub use self::frame_ancestors::{FrameAncestors, InvalidFrameAncestors};
pub use self::secret::Secret;
pub use self::sections::{
    Actors, Amqp, Commit, Database, Http, Idempotency, Limits, Log, LogFormat, Ops, Quotes, Relay, Reports,
    Sandbox, Sweep, Tracking, Waiting, Webhooks,
};
use crate::quotes::RoutesConfig;

/// The documented defaults, as TOML.
pub const DEFAULTS: &str = include_str!("config.default.toml");
/// The documented default routes, as TOML.
pub const DEFAULT_ROUTES: &str = include_str!("quotes/routes.default.toml");

/// Everything that can be set. `config.default.toml` says what each key means.
#[derive(Debug, Clone, Deserialize)]
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

    /// The address partners' users reach us under.
    #[must_use]
    pub fn public_url(&self) -> String {
        let set = self.http.public_url.trim_end_matches('/');
        if set.is_empty() { format!("http://{}", self.http.listen) } else { set.to_owned() }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
fn refused(error: config::ConfigError) -> ConfigError {
    ConfigError::Refused(refusal::without_values(&error))
}
