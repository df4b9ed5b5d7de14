//! Publishes dead letters.

use async_trait::async_trait;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString};
use payoutd_actors::ports::Unavailable;

use super::confirmed_publish::{self, Message, PERSISTENT};
use super::connection::short_string;
use super::publisher_connection::{PublisherConnection, Purpose};
use super::settings::AmqpSettings;
use crate::reports::{DeadLetter, DeadLetters};

/// The length in bytes to which a body is truncated.
const MAX_BODY: usize = 1024 * 1024;
/// The most bytes of original headers that are kept: all headers must fit into one AMQP frame.
const MAX_HEADER_BYTES: usize = 32 * 1024;
/// The length in characters to which the detail is truncated.
const MAX_DETAIL: usize = 1_000;
/// The prefix of the headers that payoutd adds.
const OWN_PREFIX: &str = "payoutd-";

/// The publisher of dead letters, with its own connection. A dead letter is the original message with added
/// headers: the reason (`payoutd-reason`, `payoutd-detail`) and the origin (`payoutd-exchange`,
/// `payoutd-routing-key`, `payoutd-message-id`).
#[derive(Debug)]
pub struct AmqpDeadLetters {
    connection: PublisherConnection,
}

impl AmqpDeadLetters {
    /// Creates a publisher, which connects when it is first used.
    #[must_use]
    pub fn new(settings: AmqpSettings) -> Self {
        Self { connection: PublisherConnection::new(settings, Purpose::DeadLetters) }
    }
}

#[async_trait]
impl DeadLetters for AmqpDeadLetters {
    async fn send(&self, dead_letter: &DeadLetter) -> Result<(), Unavailable> {
        let mut properties =
            BasicProperties::default().with_delivery_mode(PERSISTENT).with_headers(headers(dead_letter));
        if let Some(Ok(content_type)) =
            dead_letter.content_type.as_deref().map(|text| short_string(text, "content type"))
        {
            properties = properties.with_content_type(content_type);
        }
        let message = Message {
            exchange: &self.connection.settings().names.dead_letters,
            routing_key: &dead_letter.routing_key,
            body: dead_letter.body.get(..MAX_BODY).unwrap_or(&dead_letter.body),
            properties,
        };
        confirmed_publish::send(&self.connection, message)
            .await
            .map_err(|error| Unavailable(error.to_string()))
    }
}

fn headers(dead_letter: &DeadLetter) -> FieldTable {
    let mut table = FieldTable::default();
    let mut insert = |name: &str, value: &str| {
        if let Ok(name) = short_string(name, "header") {
            table.insert(name, AMQPValue::LongString(LongString::from(value)));
        }
    };
    let mut bytes_left = MAX_HEADER_BYTES;
    let mut dropped = 0;
    for (name, value) in dead_letter.headers.iter().filter(|(name, _)| !name.starts_with(OWN_PREFIX)) {
        match bytes_left.checked_sub(name.len() + value.len() + 8) {
            Some(left) => {
                bytes_left = left;
                insert(name, value);
            }
            None => dropped += 1,
        }
    }
    let detail: String = dead_letter.detail.chars().take(MAX_DETAIL).collect();
    insert("payoutd-reason", dead_letter.reason.as_str());
    insert("payoutd-detail", &detail);
    insert("payoutd-exchange", &dead_letter.exchange);
    insert("payoutd-routing-key", &dead_letter.routing_key);
    if let Some(id) = &dead_letter.message_id {
        insert("payoutd-message-id", id);
    }
    if dead_letter.body.len() > MAX_BODY {
        insert("payoutd-truncated-from-bytes", &dead_letter.body.len().to_string());
    }
    if dropped > 0 {
        insert("payoutd-dropped-headers", &dropped.to_string());
    }
    table
}
