//! Puts dead letters into their queue.

use async_trait::async_trait;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString};
use payoutd_actors::ports::Unavailable;

use super::connection::short;
use super::link::{Link, Purpose};
use super::mandatory::{self, Message};
use super::publisher::PERSISTENT;
use super::settings::AmqpSettings;
use crate::reports::{DeadLetter, DeadLetters};

/// The most of a body that is kept, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// The most of the headers that is kept, in bytes: all of them must fit into one frame of the protocol.
const MAX_HEADERS: usize = 32 * 1024;
/// The most of the detail that is kept, in characters.
const MAX_DETAIL: usize = 1_000;
/// What our own headers begin with.
const OWN: &str = "payoutd-";

/// Dead letters in a queue of the broker, on a connection of its own. The letter is as it came, with headers that
/// say why it is there: `payoutd-reason`, `payoutd-detail`, and where it came from: `payoutd-exchange`,
/// `payoutd-routing-key`, `payoutd-message-id`.
#[derive(Debug)]
pub struct AmqpDeadLetters {
    link: Link,
}

impl AmqpDeadLetters {
    /// Connects when it is first used.
    #[must_use]
    pub fn new(settings: AmqpSettings) -> Self {
        Self { link: Link::new(settings, Purpose::DeadLetters) }
    }
}

#[async_trait]
impl DeadLetters for AmqpDeadLetters {
    async fn send(&self, letter: &DeadLetter) -> Result<(), Unavailable> {
        let mut properties =
            BasicProperties::default().with_delivery_mode(PERSISTENT).with_headers(headers(letter));
        if let Some(Ok(content_type)) = letter.content_type.as_deref().map(|text| short(text, "content type"))
        {
            properties = properties.with_content_type(content_type);
        }
        let message = Message {
            exchange: &self.link.settings().names.dead_letters,
            routing_key: &letter.routing_key,
            body: letter.body.get(..MAX_BODY).unwrap_or(&letter.body),
            properties,
        };
        mandatory::send(&self.link, message).await.map_err(|error| Unavailable(error.to_string()))
    }
}

fn headers(letter: &DeadLetter) -> FieldTable {
    let mut table = FieldTable::default();
    let mut insert = |name: &str, value: &str| {
        if let Ok(name) = short(name, "header") {
            table.insert(name, AMQPValue::LongString(LongString::from(value)));
        }
    };
    let mut room = MAX_HEADERS;
    let mut dropped = 0;
    for (name, value) in letter.headers.iter().filter(|(name, _)| !name.starts_with(OWN)) {
        match room.checked_sub(name.len() + value.len() + 8) {
            Some(left) => {
                room = left;
                insert(name, value);
            }
            None => dropped += 1,
        }
    }
    let detail: String = letter.detail.chars().take(MAX_DETAIL).collect();
    insert("payoutd-reason", letter.reason.as_str());
    insert("payoutd-detail", &detail);
    insert("payoutd-exchange", &letter.exchange);
    insert("payoutd-routing-key", &letter.routing_key);
    if let Some(id) = &letter.message_id {
        insert("payoutd-message-id", id);
    }
    if letter.body.len() > MAX_BODY {
        insert("payoutd-truncated-from-bytes", &letter.body.len().to_string());
    }
    if dropped > 0 {
        insert("payoutd-dropped-headers", &dropped.to_string());
    }
    table
}
