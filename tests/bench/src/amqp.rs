//! A broker client that costs next to nothing: AMQP 0-9-1 as far as a load generator speaks it.
//!
//! The load shares two cores with what it measures, so whatever it spends is missing there. One connection has one
//! channel, frames are written into one buffer that leaves as a whole, and what arrives is read in place.

mod confirms;
mod connect;
mod frames;
mod messages;
mod wire;

pub(crate) use confirms::Tally;
pub(crate) use connect::Broker;
pub(crate) use messages::{Delivery, Incoming, Outgoing, close};

/// A queue's arguments: those that payoutd gives its own.
pub(crate) const QUORUM: [(&str, wire::Field); 4] = [
    ("x-queue-type", wire::Field::Text("quorum")),
    ("x-delivery-limit", wire::Field::Number(1_000)),
    ("x-dead-letter-strategy", wire::Field::Text("at-least-once")),
    ("x-overflow", wire::Field::Text("reject-publish")),
];
