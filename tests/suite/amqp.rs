//! RabbitMQ in and out, against a real broker, with payouts over a memory journal behind it.

mod bench;
mod broker;
mod intake;
mod outgoing;
mod own_servers;

use payoutd::amqp::AmqpSettings;

use crate::support::virtual_host;

/// Where a test finds its broker.
struct Host(String);

impl Host {
    fn url(&self) -> String {
        self.0.clone()
    }

    fn settings(&self) -> AmqpSettings {
        AmqpSettings::new(self.0.parse().unwrap())
    }
}

/// A virtual host of one's own on the server that all tests share.
async fn shared() -> Host {
    Host(virtual_host().await.url)
}
