//! Publishes changes of payouts: in batches, in order, each with a publisher confirm.

use std::collections::HashSet;
use std::pin::Pin;
use std::task::Poll;

use async_trait::async_trait;
use futures_util::future::{MaybeDone, maybe_done};
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{BasicProperties, Confirmation, PublisherConfirm};
use payoutd_actors::failpoint;
use payoutd_domain::{Mode, PayoutId};
use tokio::time::{Instant, timeout_at};

use super::confirmed_publish::PERSISTENT;
use super::connection::{BrokerError, OpenChannel, short_string};
use super::publisher_connection::{PublisherConnection, Purpose};
use super::settings::AmqpSettings;
use crate::outbox::{OutboxMessage, PublishError, Publisher};
use crate::reports::CONTENT_TYPE;

/// The most messages that are sent before their confirms are awaited.
const WINDOW: usize = 500;

type Results = Vec<Result<(), PublishError>>;

/// The publisher of changes, with its own connection.
#[derive(Debug)]
pub struct AmqpPublisher {
    connection: PublisherConnection,
}

impl AmqpPublisher {
    /// Creates a publisher, which connects when it is first used.
    #[must_use]
    pub fn new(settings: AmqpSettings) -> Self {
        Self { connection: PublisherConnection::new(settings, Purpose::Changes) }
    }
}

#[async_trait]
impl Publisher for AmqpPublisher {
    async fn publish(&self, messages: &[OutboxMessage]) -> Results {
        let mut results = Vec::with_capacity(messages.len());
        let mut failed = HashSet::new();
        for window in messages.chunks(WINDOW) {
            // After a window without an answer the broker is most likely gone, and the next ones would time out
            // too.
            let unanswered = results.iter().rev().find(|result| !is_answer(result)).cloned();
            results.extend(match unanswered {
                Some(error) => vec![error; window.len()],
                None => self.publish_window(window, &mut failed).await,
            });
        }
        results
    }
}

impl AmqpPublisher {
    async fn publish_window(&self, window: &[OutboxMessage], failed: &mut HashSet<PayoutId>) -> Results {
        let mut slot = self.connection.lock().await;
        let open = match self.connection.take(&mut slot).await {
            Ok(open) => open,
            Err(error) => return vec![Err(PublishError::Unavailable(error.to_string())); window.len()],
        };
        let exchange = &self.connection.settings().names.payouts;
        let deadline = Instant::now() + self.connection.settings().confirm_timeout;
        let mut results = Vec::with_capacity(window.len());
        let mut sent = Vec::with_capacity(window.len());
        for message in window {
            sent.push(if failed.contains(&message.payout_id) {
                Err(PublishError::EarlierMessageFailed)
            } else {
                start(&open, exchange, message).await
            });
        }
        failpoint::pass("published");
        for (message, sent) in window.iter().zip(sent) {
            let result = match sent {
                Ok(sent) => confirmed(sent, deadline).await,
                Err(error) => Err(error),
            };
            results.push(in_order(message, result, failed));
        }
        let answered = results.iter().all(is_answer);
        if answered {
            slot.release(open)
        } else {
            slot.discard(open)
        }
        results
    }
}

/// Whether no confirm of this message is outstanding.
fn is_answer(result: &Result<(), PublishError>) -> bool {
    match result {
        Ok(())
        | Err(
            PublishError::Refused
            | PublishError::EarlierMessageFailed
            | PublishError::Unsendable(_)
            | PublishError::WrongMode,
        ) => true,
        Err(PublishError::Unavailable(_) | PublishError::TimedOut) => false,
    }
}

/// The result of a message, or `EarlierMessageFailed` if an earlier message of the same payout failed.
fn in_order(
    message: &OutboxMessage,
    result: Result<(), PublishError>,
    failed: &mut HashSet<PayoutId>,
) -> Result<(), PublishError> {
    match result {
        Ok(()) if failed.contains(&message.payout_id) => Err(PublishError::EarlierMessageFailed),
        Ok(()) => Ok(()),
        Err(error) => {
            failed.insert(message.payout_id);
            Err(error)
        }
    }
}

type PendingConfirm<'a> =
    Pin<Box<MaybeDone<Pin<Box<dyn Future<Output = lapin::Result<PublisherConfirm>> + Send + 'a>>>>>;

/// Queues one message in the connection. Messages are written in the order of these calls. The returned future
/// completes once the message is written; [`confirmed`] awaits it.
async fn start<'a>(
    open: &'a OpenChannel,
    exchange: &str,
    message: &'a OutboxMessage,
) -> Result<PendingConfirm<'a>, PublishError> {
    match message.mode {
        Mode::Live => {}
        Mode::Test => return Err(PublishError::WrongMode),
    }
    let unsendable = |error: BrokerError| PublishError::Unsendable(error.to_string());
    let exchange = short_string(exchange, "the exchange's name").map_err(unsendable)?;
    let routing_key = short_string(&message.routing_key, "the routing key").map_err(unsendable)?;
    let id = format!("{}.{}", message.payout_id, message.sequence);
    let mut headers = FieldTable::default();
    if let Some(traceparent) = &message.traceparent {
        headers.insert("traceparent".into(), AMQPValue::LongString(LongString::from(traceparent.as_str())));
    }
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type(CONTENT_TYPE.into())
        .with_message_id(short_string(&id, "the message id").map_err(unsendable)?)
        .with_type(message.kind.as_str().into())
        .with_app_id("payoutd".into())
        .with_headers(headers);
    // Services bind queues if they want changes, so a change without a queue is no error.
    let options = BasicPublishOptions { mandatory: false, immediate: false };
    let publish: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(open.channel.basic_publish(
        exchange,
        routing_key,
        options,
        message.body.as_bytes(),
        properties,
    ));
    let mut sent = Box::pin(maybe_done(publish));
    std::future::poll_fn(|context| {
        let _ = sent.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
    Ok(sent)
}

async fn confirmed(mut sent: PendingConfirm<'_>, deadline: Instant) -> Result<(), PublishError> {
    let confirmation = async {
        sent.as_mut().await;
        match sent.as_mut().take_output() {
            Some(Ok(confirm)) => confirm.await,
            Some(Err(error)) => Err(error),
            None => Err(lapin::ErrorKind::FutureCompleted.into()),
        }
    };
    match timeout_at(deadline, confirmation).await {
        Ok(Ok(Confirmation::Ack(_))) => Ok(()),
        Ok(Ok(Confirmation::Nack(_))) => Err(PublishError::Refused),
        Ok(Ok(Confirmation::NotRequested)) => {
            Err(PublishError::Unavailable("the channel does not confirm".into()))
        }
        Ok(Err(error)) => Err(PublishError::Unavailable(error.to_string())),
        Err(_) => Err(PublishError::TimedOut),
    }
}
