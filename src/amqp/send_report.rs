//! Publishes one report, for `payoutd report`.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString};
use payoutd_domain::{PayoutId, Report};

use super::confirmed_publish::{self, ConfirmedPublishError, Message, PERSISTENT};
use super::publisher_connection::{PublisherConnection, Purpose};
use super::settings::AmqpSettings;
use crate::reports::{CONTENT_TYPE, report_message};

/// Why a report was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendReportError {
    /// The exchange exists, but no queue is bound to it.
    #[error("no queue takes reports from the exchange ({0}); has `payoutd serve` run against this broker?")]
    Unroutable(String),
    /// The broker sent a negative confirm.
    #[error("the broker refused the report")]
    Refused,
    /// The broker cannot be reached, does not answer, or has no such exchange.
    #[error("the report was not sent: {0}")]
    Unavailable(String),
}

impl From<ConfirmedPublishError> for SendReportError {
    fn from(error: ConfirmedPublishError) -> Self {
        match error {
            ConfirmedPublishError::Unroutable(why) => Self::Unroutable(why),
            ConfirmedPublishError::Refused => Self::Refused,
            ConfirmedPublishError::Broker(error) => Self::Unavailable(error.to_string()),
        }
    }
}

/// Publishes one report as a chain watcher does, and waits until a queue has it. Declares nothing.
///
/// # Errors
/// Returns `SendReportError` if the broker does not confirm that a queue has the report. Sending it again is safe.
pub async fn send_report(
    settings: &AmqpSettings,
    payout: PayoutId,
    report: &Report,
    traceparent: Option<&str>,
) -> Result<(), SendReportError> {
    let connection = PublisherConnection::new(settings.clone(), Purpose::Report);
    let mut headers = FieldTable::default();
    if let Some(traceparent) = traceparent {
        headers.insert("traceparent".into(), AMQPValue::LongString(LongString::from(traceparent)));
    }
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type(CONTENT_TYPE.into())
        .with_headers(headers);
    let body = report_message(payout, report);
    let message = Message {
        exchange: &settings.names.chain_events,
        routing_key: &payout.to_string(),
        body: body.as_bytes(),
        properties,
    };
    let result = confirmed_publish::send(&connection, message).await;
    connection.close().await;
    Ok(result?)
}
