//! The exchanges and queues, declared with every argument said: brokers differ in their defaults between versions.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{Channel, ExchangeKind};

use super::connection::{BrokerError, short};
use super::settings::{AmqpSettings, Names};

/// Some brokers drop a message that was given back a few times. Who inspects dead letters gives them back.
const DEAD_LETTER_DELIVERY_LIMIT: u32 = 1_000_000;

/// Declares where reports come in, and where they are put aside.
pub(super) async fn declare_intake(channel: &Channel, settings: &AmqpSettings) -> Result<(), BrokerError> {
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

/// Declares where dead letters go. They all go to one queue, whatever their routing key.
pub(super) async fn declare_dead_letters(channel: &Channel, names: &Names) -> Result<(), BrokerError> {
    exchange(channel, &names.dead_letters, ExchangeKind::Fanout).await?;
    let arguments = arguments([
        ("x-queue-type", text("quorum")),
        ("x-delivery-limit", limit(DEAD_LETTER_DELIVERY_LIMIT)),
        ("x-overflow", text("reject-publish")),
    ])?;
    queue(channel, &names.dead_letters_queue, arguments).await?;
    bind(channel, &names.dead_letters_queue, &names.dead_letters, "").await
}

/// Declares where announcements go out. Their queues belong to the services that read them.
pub(super) async fn declare_payouts(channel: &Channel, names: &Names) -> Result<(), BrokerError> {
    exchange(channel, &names.payouts, ExchangeKind::Topic).await
}

async fn exchange(channel: &Channel, name: &str, kind: ExchangeKind) -> Result<(), BrokerError> {
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    Ok(channel.exchange_declare(short(name, EXCHANGE)?, kind, options, FieldTable::default()).await?)
}

async fn queue(channel: &Channel, name: &str, arguments: FieldTable) -> Result<(), BrokerError> {
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(short(name, QUEUE)?, options, arguments).await?;
    Ok(())
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Result<(), BrokerError> {
    let (queue, exchange, key) =
        (short(queue, QUEUE)?, short(exchange, EXCHANGE)?, short(key, "a binding key")?);
    let options = QueueBindOptions::default();
    Ok(channel.queue_bind(queue, exchange, key, options, FieldTable::default()).await?)
}

const EXCHANGE: &str = "an exchange's name";
const QUEUE: &str = "a queue's name";

fn arguments<const N: usize>(pairs: [(&str, AMQPValue); N]) -> Result<FieldTable, BrokerError> {
    let mut table = FieldTable::default();
    for (name, value) in pairs {
        table.insert(short(name, "an argument's name")?, value);
    }
    Ok(table)
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value))
}

fn limit(value: u32) -> AMQPValue {
    AMQPValue::LongLongInt(i64::from(value))
}
