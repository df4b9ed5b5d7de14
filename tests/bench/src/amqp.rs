//! A minimal AMQP 0-9-1 client for the load generator.
//!
//! The client shares the cores with the system under test, so it must use little CPU time. Each connection
//! has one channel. Frames are encoded into one buffer, which is written to the socket at once. Received
//! frames are decoded in place.

mod confirms;
mod connect;
mod frames;
mod messages;
mod methods;
mod wire;

pub(crate) use confirms::ConfirmTracker;
pub(crate) use connect::Broker;
pub(crate) use messages::{ChannelReader, ChannelWriter, Delivery, close};

/// The arguments that payoutd declares its own queues with.
pub(crate) const QUEUE_ARGUMENTS: [(&str, wire::FieldValue); 4] = [
    ("x-queue-type", wire::FieldValue::LongString("quorum")),
    ("x-delivery-limit", wire::FieldValue::Long(1_000)),
    ("x-dead-letter-strategy", wire::FieldValue::LongString("at-least-once")),
    ("x-overflow", wire::FieldValue::LongString("reject-publish")),
];
