//! Publishes announcements: many at once, in order, each confirmed.

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

use super::connection::{BrokerError, Open, short};
use super::link::{Link, Purpose};
use super::settings::AmqpSettings;
use crate::outbox::{OutboxMessage, PublishError, Publisher};
use crate::reports::CONTENT_TYPE;

/// The most messages sent before their confirms are awaited.
const WINDOW: usize = 500;
/// The delivery mode that survives a restart of the broker.
pub(super) const PERSISTENT: u8 = 2;

type Results = Vec<Result<(), PublishError>>;

/// The publisher of announcements, on a connection of its own.
#[derive(Debug)]
pub struct AmqpPublisher {
    link: Link,
}

impl AmqpPublisher {
    /// A publisher. It connects when it is first used.
    #[must_use]
    pub fn new(settings: AmqpSettings) -> Self {
        Self { link: Link::new(settings, Purpose::Announcements) }
    }
}

#[async_trait]
impl Publisher for AmqpPublisher {
    async fn publish(&self, messages: &[OutboxMessage]) -> Results {
        let mut results = Vec::with_capacity(messages.len());
        let mut failed = HashSet::new();
        for window in messages.chunks(WINDOW) {
            // Once one window failed the broker is most likely gone; trying on would only take longer.
            let lost = results.iter().rev().find(|result| !is_answer(result)).cloned();
            results.extend(match lost {
                Some(lost) => vec![lost; window.len()],
                None => self.publish_window(window, &mut failed).await,
            });
        }
        results
    }
}

impl AmqpPublisher {
    async fn publish_window(&self, window: &[OutboxMessage], failed: &mut HashSet<PayoutId>) -> Results {
        let mut slot = self.link.lock().await;
        let open = match self.link.take(&mut slot).await {
            Ok(open) => open,
            Err(error) => return vec![Err(PublishError::Unavailable(error.to_string())); window.len()],
        };
        let exchange = &self.link.settings().names.payouts;
        let deadline = Instant::now() + self.link.settings().confirm_timeout;
        let mut results = Vec::with_capacity(window.len());
        let mut sent = Vec::with_capacity(window.len());
        for message in window {
            sent.push(if failed.contains(&message.payout_id) {
                Err(PublishError::OutOfTurn)
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
            results.push(in_turn(message, result, failed));
        }
        let answered = results.iter().all(is_answer);
        if answered {
            slot.give_back(open)
        } else {
            slot.give_up(open)
        }
        results
    }
}

/// Whether nothing more will come from the broker about this message.
fn is_answer(result: &Result<(), PublishError>) -> bool {
    match result {
        Ok(())
        | Err(
            PublishError::Refused
            | PublishError::OutOfTurn
            | PublishError::Unsendable(_)
            | PublishError::WrongMode,
        ) => true,
        Err(PublishError::Unavailable(_) | PublishError::TimedOut) => false,
    }
}

/// A result, or that it is not this message's turn because an earlier one of its payout failed.
fn in_turn(
    message: &OutboxMessage,
    result: Result<(), PublishError>,
    failed: &mut HashSet<PayoutId>,
) -> Result<(), PublishError> {
    match result {
        Ok(()) if failed.contains(&message.payout_id) => Err(PublishError::OutOfTurn),
        Ok(()) => Ok(()),
        Err(error) => {
            failed.insert(message.payout_id);
            Err(error)
        }
    }
}

type Sent<'a> =
    Pin<Box<MaybeDone<Pin<Box<dyn Future<Output = lapin::Result<PublisherConfirm>> + Send + 'a>>>>>;

/// Hands one message to the connection. It is queued there when this returns, so messages leave in the order of these
/// calls; that it has left is for [`confirmed`] to see.
async fn start<'a>(
    open: &'a Open,
    exchange: &str,
    message: &'a OutboxMessage,
) -> Result<Sent<'a>, PublishError> {
    match message.mode {
        Mode::Live => {}
        Mode::Test => return Err(PublishError::WrongMode),
    }
    let unsendable = |error: BrokerError| PublishError::Unsendable(error.to_string());
    let exchange = short(exchange, "the exchange's name").map_err(unsendable)?;
    let routing_key = short(&message.routing_key, "the routing key").map_err(unsendable)?;
    let id = format!("{}.{}", message.payout_id, message.sequence);
    let mut headers = FieldTable::default();
    if let Some(traceparent) = &message.traceparent {
        headers.insert("traceparent".into(), AMQPValue::LongString(LongString::from(traceparent.as_str())));
    }
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type(CONTENT_TYPE.into())
        .with_message_id(short(&id, "the message id").map_err(unsendable)?)
        .with_type(message.kind.as_str().into())
        .with_app_id("payoutd".into())
        .with_headers(headers);
    // Nobody need listen: services bind when they want to know, and an unroutable announcement is no fault.
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

async fn confirmed(mut sent: Sent<'_>, deadline: Instant) -> Result<(), PublishError> {
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
