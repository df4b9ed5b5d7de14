//! The one place that wires every adapter to every port.

mod contract_documents;
mod dev;
mod lease;
mod lifecycle;
mod open_files;
mod partner_api;
mod retention;
mod serve;
mod system_clock;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use payoutd_domain::{PayoutId, Report};

pub(crate) use contract_documents::{asyncapi, openapi};
pub use dev::dev;
pub use serve::serve;
pub use system_clock::SystemClock;

use crate::amqp::{self, AmqpSettings, InvalidBrokerUrl};
use crate::cli::Failure;
use crate::config::{Config, ConfigError, Database};
use crate::reports::{self, CONTENT_TYPE, Incoming, report_message};
use crate::store::{self, Store, StoreConfig};
use crate::wire::Renderer;

/// Opens the configured store.
///
/// # Errors
/// Where none is configured, or it cannot be opened.
pub async fn open_store(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    open_store_at(
        config,
        required(config.database.url.set(), "database.url", "DATABASE_URL")?,
        &config.public_url(),
    )
    .await
}

async fn open_store_at(config: &Config, url: &str, public_url: &str) -> Result<Arc<dyn Store>, Failure> {
    Ok(store::open(url, &store_config(&config.database), Renderer::new(public_url)).await?)
}

fn store_config(config: &Database) -> StoreConfig {
    let statement_timeout = Duration::from_secs(config.statement_timeout_seconds);
    let connect_timeout = Duration::from_secs(config.connect_timeout_seconds);
    StoreConfig {
        max_connections: config.max_connections,
        connect_timeout,
        acquire_timeout: connect_timeout,
        statement_timeout,
        // The server's own answer comes first.
        reply_timeout: statement_timeout + Duration::from_secs(5),
        ..StoreConfig::default()
    }
}

fn required<'a>(value: Option<&'a str>, key: &'static str, variable: &str) -> Result<&'a str, ConfigError> {
    value.ok_or_else(|| ConfigError::InvalidValue {
        key,
        problem: format!("must be set ({variable} sets it as well)"),
    })
}

/// `payoutd migrate`.
///
/// # Errors
/// Where a migration cannot be applied.
pub async fn migrate(config: &Config) -> Result<(), Failure> {
    let store = open_store(config).await?;
    store.migrate().await?;
    store.close().await;
    Ok(())
}

/// `payoutd report`: publishes one report, and waits until the broker has it.
///
/// # Errors
/// Where the report is not one that can be read, no broker is configured, or it does not take the report.
pub async fn send_report(config: &Config, id: PayoutId, report: &Report) -> Result<(), Failure> {
    let settings = amqp_settings(config)?;
    // What the other end could not read is better said here than found among the dead letters.
    let (key, body) = (id.to_string(), report_message(id, report));
    let incoming = Incoming {
        routing_key: &key,
        content_type: Some(CONTENT_TYPE),
        headers: &[],
        body: body.as_bytes(),
        received_at: SystemClock::read(),
    };
    reports::read(&incoming, config.reports.max_bytes)?;
    amqp::send_report(&settings, id, report, None).await?;
    Ok(())
}

fn amqp_settings(config: &Config) -> Result<AmqpSettings, ConfigError> {
    let url = required(config.amqp.url.set(), "amqp.url", "AMQP_URL")?;
    let url = url.parse().map_err(|error: InvalidBrokerUrl| ConfigError::InvalidValue {
        key: "amqp.url",
        problem: error.to_string(),
    })?;
    Ok(AmqpSettings {
        delivery_limit: config.amqp.delivery_limit,
        confirm_timeout: Duration::from_secs(config.amqp.confirm_timeout_seconds),
        ..AmqpSettings::new(url)
    })
}
