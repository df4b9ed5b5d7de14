//! A broker client that costs next to nothing: AMQP 0-9-1 as far as a load generator speaks it.
//!
//! The load shares two cores with what it measures, so whatever it spends is missing there. One connection has one
//! channel, frames are written into one buffer that leaves as a whole, and what arrives is read in place.

mod confirms;
mod connect;
mod frames;
mod messages;
mod methods;
mod wire;

pub(crate) use confirms::ConfirmTracker;
pub(crate) use connect::Broker;
pub(crate) use messages::{ChannelReader, ChannelWriter, Delivery, close};

/// A queue's arguments: those that payoutd gives its own.
pub(crate) const QUEUE_ARGUMENTS: [(&str, wire::FieldValue); 4] = [
    ("x-queue-type", wire::FieldValue::LongString("quorum")),
    ("x-delivery-limit", wire::FieldValue::Long(1_000)),
    ("x-dead-letter-strategy", wire::FieldValue::LongString("at-least-once")),
    ("x-overflow", wire::FieldValue::LongString("reject-publish")),
];
