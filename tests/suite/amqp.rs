//! RabbitMQ in and out, against a real broker.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bench;
mod broker;
mod intake;
mod outages;
mod outgoing;

use tokio::sync::OnceCell;

use broker::Broker;

/// The broker of all tests that leave it alone.
async fn shared() -> &'static Broker {
    static SHARED: OnceCell<Broker> = OnceCell::const_new();
    SHARED.get_or_init(Broker::start).await
}
