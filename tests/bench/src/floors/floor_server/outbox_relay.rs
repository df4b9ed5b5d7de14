//! Announcements out: read from the outbox, published with confirms, struck off.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::EVENTS;
use crate::floors::statements::{self, BATCH, Waiting};
use crate::reports::payout_name;
use crate::{Fallible, failure};

pub(super) async fn start(
    broker: &Connection,
    url: &str,
    hint: Arc<Notify>,
) -> Fallible<JoinHandle<Fallible<()>>> {
    let channel = broker.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut connection = PgConnection::connect(url).await?;
    Ok(tokio::spawn(async move {
        loop {
            let waiting = statements::waiting(&mut connection, BATCH).await?;
            if waiting.is_empty() {
                // Whoever is woken by a hint finds something; the time is for the hint that came too early.
                let _ = tokio::time::timeout(Duration::from_millis(100), hint.notified()).await;
                continue;
            }
            // All are handed over in order before the first confirm is awaited.
            try_join_all(waiting.iter().map(|message| publish(&channel, message))).await?;
            let ids: Vec<i64> = waiting.iter().map(|message| message.id).collect();
            statements::published(&mut connection, &ids).await?;
        }
    }))
}

async fn publish(channel: &Channel, message: &Waiting) -> Fallible<()> {
    let name = |text: &str| ShortString::try_new(text).map_err(|_| failure("a name is too long"));
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/cloudevents+json".into())
        .with_message_id(name(&format!("{}.{}", payout_name(message.payout), message.sequence))?)
        .with_type(name(&message.kind)?)
        .with_app_id("payoutd".into())
        .with_headers(FieldTable::default());
    let options = BasicPublishOptions::default();
    let (routing_key, body) = (name(&message.routing_key)?, message.body.as_bytes());
    match channel.basic_publish(EVENTS.into(), routing_key, options, body, properties).await?.await? {
        Confirmation::Ack(_) => Ok(()),
        Confirmation::Nack(_) | Confirmation::NotRequested => Err(failure("the broker refused a message")),
    }
}
