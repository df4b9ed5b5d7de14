//! The OpenAPI and AsyncAPI documents, as they are served and printed.

use super::error::AppError;
use crate::amqp;
use crate::config::Config;
use crate::http::{self, BasePath};

/// The OpenAPI document of the partner API.
pub(crate) fn openapi(config: &Config) -> Result<String, AppError> {
    let base_path: BasePath = config.http.base_path.parse()?;
    let public_url = Some(config.http.public_url.as_str()).filter(|url| !url.is_empty());
    Ok(serde_json::to_string_pretty(&http::openapi(public_url, &base_path))?)
}

/// The AsyncAPI document of the messages on the broker.
pub(crate) fn asyncapi() -> Result<String, AppError> {
    Ok(serde_json::to_string_pretty(&amqp::asyncapi())?)
}
