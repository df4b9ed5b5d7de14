//! The fixture of the end-to-end tests: the real program with a database and a broker of its own.

use super::rabbit::{self, VirtualHost};
use super::{Partner, Payoutd, Settings, Watcher, postgres};

/// Settings that permit webhook endpoints on this machine.
pub(crate) const LOCAL_WEBHOOKS: [(&str, &str); 2] =
    [("PAYOUTD_WEBHOOKS__ALLOW_INSECURE", "true"), ("PAYOUTD_WEBHOOKS__ALLOW_PRIVATE_ADDRESSES", "true")];

/// A running payoutd. No other test uses its database and its virtual host.
pub(crate) struct TestApp {
    pub(crate) payoutd: Payoutd,
    pub(crate) settings: Settings,
    pub(crate) database_url: String,
    pub(crate) broker: VirtualHost,
}

impl TestApp {
    /// Starts payoutd with the test settings on the shared servers.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts payoutd with additional settings on the shared servers.
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_on(postgres::database().await, rabbit::virtual_host().await, settings).await
    }

    /// Starts payoutd with additional settings on this database and this virtual host.
    pub(crate) async fn start_on(
        database_url: String,
        broker: VirtualHost,
        settings: &[(&str, &str)],
    ) -> Self {
        let defaults = Settings::new(&database_url, &broker.url);
        let settings = settings.iter().fold(defaults, |all, (name, value)| all.with(name, value));
        let payoutd = Payoutd::start(&settings).await;
        Self { payoutd, settings, database_url, broker }
    }

    /// A partner with a new live key.
    pub(crate) async fn live_partner(&self) -> Partner {
        self.payoutd.partner("acme", "live").await
    }

    /// A chain watcher that is connected to the broker.
    pub(crate) async fn watcher(&self) -> Watcher {
        Watcher::connect(&self.broker.url).await
    }
}
