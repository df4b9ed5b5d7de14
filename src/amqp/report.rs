//! One report by hand, for `payoutd report`.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString};
use payoutd_domain::{PayoutId, Report};

use super::link::{Link, Purpose};
use super::mandatory::{self, Message, Undelivered};
use super::publisher::PERSISTENT;
use super::settings::AmqpSettings;
use crate::reports::{CONTENT_TYPE, report_message};

/// Why a report was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendReportError {
    /// The exchange is there, but leads to no queue.
    #[error("no queue takes reports from the exchange ({0}); has `payoutd serve` run against this broker?")]
    Unroutable(String),
    /// The broker has no room for it.
    #[error("the broker refused the report")]
    Refused,
    /// The broker could not be reached, did not answer, or has no such exchange.
    #[error("the report was not sent: {0}")]
    Unavailable(String),
}

impl From<Undelivered> for SendReportError {
    fn from(error: Undelivered) -> Self {
        match error {
            Undelivered::Unroutable(why) => Self::Unroutable(why),
            Undelivered::Refused => Self::Refused,
            Undelivered::Broker(error) => Self::Unavailable(error.to_string()),
        }
    }
}

/// Sends one report the way a chain watcher does, and waits until it is safe in a queue. Declares nothing.
///
/// # Errors
/// Where it is not known to be in a queue. Sending the same report again is safe.
pub async fn send_report(
    settings: &AmqpSettings,
    payout: PayoutId,
    report: &Report,
    traceparent: Option<&str>,
) -> Result<(), SendReportError> {
    let link = Link::new(settings.clone(), Purpose::Report);
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
    let result = mandatory::send(&link, message).await;
    link.close().await;
    Ok(result?)
}
