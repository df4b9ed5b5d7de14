//! Reads events from the outbox, publishes them with confirms, and deletes them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::EVENTS_QUEUE;
use crate::floors::statements::{self, MAX_BATCH, OutboxMessage};
use crate::reports::format_payout_id;
use crate::{Error, Result};

pub(super) async fn start(
    broker: &Connection,
    url: &str,
    outbox_written: Arc<Notify>,
) -> Result<JoinHandle<Result<()>>> {
    let channel = broker.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut connection = PgConnection::connect(url).await?;
    Ok(tokio::spawn(async move {
        loop {
            let messages = statements::read_outbox(&mut connection, MAX_BATCH).await?;
            if messages.is_empty() {
                // The timeout covers a notification that came before the rows were visible.
                let _ = tokio::time::timeout(Duration::from_millis(100), outbox_written.notified()).await;
                continue;
            }
            // All messages are sent in order before the first confirm is awaited.
            try_join_all(messages.iter().map(|message| publish(&channel, message))).await?;
            let ids: Vec<i64> = messages.iter().map(|message| message.id).collect();
            statements::delete_published(&mut connection, &ids).await?;
        }
    }))
}

async fn publish(channel: &Channel, message: &OutboxMessage) -> Result<()> {
    let short_string =
        |text: &str| ShortString::try_new(text).map_err(|_| Error::from("a string is longer than 255 bytes"));
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/cloudevents+json".into())
        .with_message_id(short_string(&format!("{}.{}", format_payout_id(message.payout), message.sequence))?)
        .with_type(short_string(&message.kind)?)
        .with_app_id("payoutd".into())
        .with_headers(FieldTable::default());
    let options = BasicPublishOptions::default();
    let (routing_key, body) = (short_string(&message.routing_key)?, message.body.as_bytes());
    match channel.basic_publish(EVENTS_QUEUE.into(), routing_key, options, body, properties).await?.await? {
        Confirmation::Ack(_) => Ok(()),
        Confirmation::Nack(_) | Confirmation::NotRequested => Err("the broker rejected a message".into()),
    }
}
