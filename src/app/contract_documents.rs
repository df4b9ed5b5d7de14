//! The machine-readable contracts, as they are served and printed.

use crate::amqp;
use crate::cli::Failure;
use crate::config::Config;
use crate::http::{self, BasePath};

/// The partner API's description.
pub(crate) fn openapi(config: &Config) -> Result<String, Failure> {
    let base_path: BasePath = config.http.base_path.parse()?;
    let public_url = Some(config.http.public_url.as_str()).filter(|url| !url.is_empty());
    Ok(serde_json::to_string_pretty(&http::openapi(public_url, &base_path))?)
}

/// The description of what goes over the broker.
pub(crate) fn asyncapi() -> Result<String, Failure> {
    Ok(serde_json::to_string_pretty(&amqp::asyncapi())?)
}
