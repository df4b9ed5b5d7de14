//! RabbitMQ: the consumer of chain reports, and the publishers of changes and of dead letters.
//!
//! The client library's own recovery is off. After any error on a connection or channel, the code here closes both
//! and opens new ones.

mod acknowledger;
mod asyncapi;
mod confirmed_publish;
mod connection;
mod consumer;
mod context;
mod dead_letters;
mod delivery;
mod publisher;
mod publisher_connection;
mod send_report;
mod session;
mod settings;
mod status;
mod topology;

pub use asyncapi::asyncapi;
pub use consumer::Consumer;
pub use context::ConsumerConfig;
pub use dead_letters::AmqpDeadLetters;
pub use publisher::AmqpPublisher;
pub use send_report::{SendReportError, send_report};
pub use settings::{AmqpSettings, BrokerUrl, InvalidBrokerUrl, TopologyNames};
pub use status::{ConsumerState, ConsumerStatus};
