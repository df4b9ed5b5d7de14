//! The commands that do their work and exit: `payoutd migrate` and `payoutd report`.

use payoutd_domain::{PayoutId, Report};

use super::components::open_store;
use super::error::AppError;
use super::settings::amqp_settings;
use super::system_clock::SystemClock;
use crate::amqp;
use crate::config::Config;
use crate::reports::{self, CONTENT_TYPE, Incoming, report_message};

pub(crate) async fn migrate(config: &Config) -> Result<(), AppError> {
    let store = open_store(config).await?;
    store.migrate().await?;
    store.close().await;
    Ok(())
}

/// Publishes a report and waits until the broker confirms it.
///
/// # Errors
/// Returns an error if the intake would reject the report, no broker is configured, or the broker does not confirm it.
pub(crate) async fn send_report(config: &Config, id: PayoutId, report: &Report) -> Result<(), AppError> {
    let settings = amqp_settings(config)?;
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
