//! The consumer and the publishers with a real RabbitMQ, and with actors over a journal in memory.

mod acknowledger_failure;
mod broker;
mod fixture;
mod intake;
mod outgoing;
mod own_servers;

use payoutd::amqp::AmqpSettings;

use crate::support::virtual_host;

/// The address of the broker of a test.
struct Host(String);

impl Host {
    fn url(&self) -> String {
        self.0.clone()
    }

    fn settings(&self) -> AmqpSettings {
        AmqpSettings::new(self.0.parse().unwrap())
    }
}

/// Creates a new virtual host on the server that all tests share.
async fn shared() -> Host {
    Host(virtual_host().await.url)
}
