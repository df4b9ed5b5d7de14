//! Declares exchanges and queues, with every argument given: defaults differ between versions of the broker.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{Channel, ExchangeKind};

use super::connection::{BrokerError, short_string};
use super::settings::{AmqpSettings, TopologyNames};

/// Some versions of the broker drop a message that is requeued a few times, and inspecting dead letters requeues
/// them.
const DEAD_LETTER_DELIVERY_LIMIT: u32 = 1_000_000;

/// Declares the exchange and the queue of reports, and those of dead letters.
pub(super) async fn declare_report_queues(
    channel: &Channel,
    settings: &AmqpSettings,
) -> Result<(), BrokerError> {
    let names = &settings.names;
    declare_dead_letters(channel, names).await?;
    exchange(channel, &names.chain_events, ExchangeKind::Topic).await?;
    let arguments = arguments([
        ("x-queue-type", text("quorum")),
        ("x-delivery-limit", limit(settings.delivery_limit)),
        ("x-dead-letter-exchange", text(&names.dead_letters)),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
    ])?;
    queue(channel, &names.chain_events_queue, arguments).await?;
    bind(channel, &names.chain_events_queue, &names.chain_events, "#").await
}

/// Declares the exchange and the queue of dead letters. The queue gets dead letters of every routing key.
pub(super) async fn declare_dead_letters(
    channel: &Channel,
    names: &TopologyNames,
) -> Result<(), BrokerError> {
    exchange(channel, &names.dead_letters, ExchangeKind::Fanout).await?;
    let arguments = arguments([
        ("x-queue-type", text("quorum")),
        ("x-delivery-limit", limit(DEAD_LETTER_DELIVERY_LIMIT)),
        ("x-overflow", text("reject-publish")),
    ])?;
    queue(channel, &names.dead_letters_queue, arguments).await?;
    bind(channel, &names.dead_letters_queue, &names.dead_letters, "").await
}

/// Declares the exchange of changes. Other services declare the queues.
pub(super) async fn declare_payouts(channel: &Channel, names: &TopologyNames) -> Result<(), BrokerError> {
    exchange(channel, &names.payouts, ExchangeKind::Topic).await
}

async fn exchange(channel: &Channel, name: &str, kind: ExchangeKind) -> Result<(), BrokerError> {
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    Ok(channel.exchange_declare(short_string(name, EXCHANGE)?, kind, options, FieldTable::default()).await?)
}

async fn queue(channel: &Channel, name: &str, arguments: FieldTable) -> Result<(), BrokerError> {
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(short_string(name, QUEUE)?, options, arguments).await?;
    Ok(())
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Result<(), BrokerError> {
    let (queue, exchange, key) =
        (short_string(queue, QUEUE)?, short_string(exchange, EXCHANGE)?, short_string(key, "a binding key")?);
    let options = QueueBindOptions::default();
    Ok(channel.queue_bind(queue, exchange, key, options, FieldTable::default()).await?)
}

const EXCHANGE: &str = "an exchange's name";
const QUEUE: &str = "a queue's name";

fn arguments<const N: usize>(pairs: [(&str, AMQPValue); N]) -> Result<FieldTable, BrokerError> {
    let mut table = FieldTable::default();
    for (name, value) in pairs {
        table.insert(short_string(name, "an argument's name")?, value);
    }
    Ok(table)
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value))
}

fn limit(value: u32) -> AMQPValue {
    AMQPValue::LongLongInt(i64::from(value))
}
