//! Publishes one message and waits until the broker confirms that it is in a queue.

use std::time::Duration;

use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Confirmation};
use tokio::time::timeout;
use uuid::Uuid;

use super::connection::{BrokerError, short_string};
use super::publisher_connection::PublisherConnection;

/// The AMQP delivery mode of messages that survive a restart of the broker.
pub(super) const PERSISTENT: u8 = 2;

/// Why a message is not known to be in a queue.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum ConfirmedPublishError {
    /// No queue is bound for the message's routing key.
    #[error("no queue takes the message: {0}")]
    Unroutable(String),
    /// The broker sent a negative confirm.
    #[error("the broker refused the message")]
    Refused,
    /// The broker cannot be reached, or does not answer.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

pub(super) struct Message<'a> {
    pub(super) exchange: &'a str,
    pub(super) routing_key: &'a str,
    pub(super) body: &'a [u8],
    /// If they have no message id, [`send`] generates one.
    pub(super) properties: BasicProperties,
}

/// Sends the message and waits for its confirm. No other message is on the channel meanwhile.
pub(super) async fn send(
    connection: &PublisherConnection,
    message: Message<'_>,
) -> Result<(), ConfirmedPublishError> {
    let mut slot = connection.lock().await;
    let open = connection.take(&mut slot).await?;
    let result = send_on(&open.channel, message, connection.settings().confirm_timeout).await;
    match &result {
        Ok(()) | Err(ConfirmedPublishError::Refused) => slot.release(open),
        // The queue may have been deleted. Opening the next channel declares it again.
        Err(ConfirmedPublishError::Unroutable(_) | ConfirmedPublishError::Broker(_)) => slot.discard(open),
    }
    result
}

async fn send_on(
    channel: &lapin::Channel,
    message: Message<'_>,
    confirm_timeout: Duration,
) -> Result<(), ConfirmedPublishError> {
    let exchange = short_string(message.exchange, "the exchange's name")?;
    let routing_key = short_string(message.routing_key, "the routing key")?;
    let mut properties = message.properties;
    if properties.message_id().is_none() {
        properties = properties.with_message_id(short_string(&Uuid::now_v7().to_string(), "the message id")?);
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
        // Only this message is on the channel, so only this message can be returned.
        Confirmation::Ack(Some(returned)) if *returned.properties.message_id() == id => {
            Err(ConfirmedPublishError::Unroutable(format!("{} {}", returned.reply_code, returned.reply_text)))
        }
        Confirmation::Ack(Some(_)) | Confirmation::NotRequested => Err(BrokerError::TimedOut.into()),
        Confirmation::Nack(_) => Err(ConfirmedPublishError::Refused),
    }
}
