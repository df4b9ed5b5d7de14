//! RabbitMQ: the connection, its topology, the consumer of reports, the publisher of announcements and dead letters.
//!
//! Nothing here recovers by itself inside the client library: whatever goes wrong with a connection or a channel,
//! all of it is thrown away and built anew by the loops here.

mod acknowledger;
mod asyncapi;
mod connection;
mod consumer;
mod dead_letters;
mod delivery;
mod link;
mod mandatory;
mod publisher;
mod report;
mod session;
mod settings;
mod status;
mod topology;

pub use asyncapi::asyncapi;
pub use consumer::{Consumer, ConsumerConfig};
pub use dead_letters::AmqpDeadLetters;
pub use publisher::AmqpPublisher;
pub use report::{SendReportError, send_report};
pub use settings::{AmqpSettings, BrokerUrl, InvalidBrokerUrl, Names};
pub use status::{ConsumerState, ConsumerStatus};
