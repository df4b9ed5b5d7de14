//! One message that must arrive in a queue: confirmed, and not returned.

use std::time::Duration;

use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Confirmation};
use tokio::time::timeout;
use uuid::Uuid;

use super::connection::{BrokerError, short};
use super::link::Link;

/// Why a message is not known to be in a queue.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Undelivered {
    /// No queue takes it.
    #[error("no queue takes the message: {0}")]
    Unroutable(String),
    /// The broker said that it does not have it.
    #[error("the broker refused the message")]
    Refused,
    /// The broker could not be reached, or did not answer.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// A message to be sent.
pub(super) struct Message<'a> {
    pub(super) exchange: &'a str,
    pub(super) routing_key: &'a str,
    pub(super) body: &'a [u8],
    /// All but the message id, which is for this module to give where there is none.
    pub(super) properties: BasicProperties,
}

/// Sends it, alone on its channel.
pub(super) async fn send(link: &Link, message: Message<'_>) -> Result<(), Undelivered> {
    let mut slot = link.lock().await;
    let open = link.take(&mut slot).await?;
    let result = send_on(&open.channel, message, link.settings().confirm_timeout).await;
    match &result {
        Ok(()) | Err(Undelivered::Refused) => slot.give_back(open),
        // Somebody removed the queue, perhaps: the next channel declares what is missing.
        Err(Undelivered::Unroutable(_) | Undelivered::Broker(_)) => slot.give_up(open),
    }
    result
}

async fn send_on(
    channel: &lapin::Channel,
    message: Message<'_>,
    confirm_timeout: Duration,
) -> Result<(), Undelivered> {
    let exchange = short(message.exchange, "the exchange's name")?;
    let routing_key = short(message.routing_key, "the routing key")?;
    let mut properties = message.properties;
    if properties.message_id().is_none() {
        properties = properties.with_message_id(short(&Uuid::now_v7().to_string(), "the message id")?);
    }
    let id = properties.message_id().clone();
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    let published = async {
        channel.basic_publish(exchange, routing_key, options, message.body, properties).await?.await
    };
    let confirmation = timeout(confirm_timeout, published)
        .await
        .map_err(|_| BrokerError::TimedOut)?
        .map_err(BrokerError::from)?;
    match confirmation {
        Confirmation::Ack(None) => Ok(()),
        // One at a time, so a returned message is this one; were it ever another, nothing is certain any more.
        Confirmation::Ack(Some(returned)) if *returned.properties.message_id() == id => {
            Err(Undelivered::Unroutable(format!("{} {}", returned.reply_code, returned.reply_text)))
        }
        Confirmation::Ack(Some(_)) | Confirmation::NotRequested => Err(BrokerError::TimedOut.into()),
        Confirmation::Nack(_) => Err(Undelivered::Refused),
    }
}
