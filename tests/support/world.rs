//! A database, a broker and a running payoutd between them: what most tests begin with.

use serde_json::Value;

use super::rabbit::{self, VirtualHost};
use super::{Partner, Payoutd, Settings, Watcher, postgres};

/// Everything that one test needs, for itself.
pub(crate) struct World {
    /// The program.
    pub(crate) payoutd: Payoutd,
    /// How it is started.
    pub(crate) settings: Settings,
    /// The URL of its database.
    pub(crate) database_url: String,
    /// Its broker.
    pub(crate) broker: VirtualHost,
}

impl World {
    /// payoutd as it comes, on the shared servers.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// payoutd with these settings, on the shared servers.
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_on(postgres::database().await, rabbit::virtual_host().await, settings).await
    }

    /// payoutd on this database and this broker.
    pub(crate) async fn start_on(
        database_url: String,
        broker: VirtualHost,
        settings: &[(&str, &str)],
    ) -> Self {
        let usual = Settings::new(&database_url, &broker.url);
        let settings = settings.iter().fold(usual, |all, (name, value)| all.with(name, value));
        let payoutd = Payoutd::start(&settings).await;
        Self { payoutd, settings, database_url, broker }
    }

    /// A partner in production.
    pub(crate) async fn live(&self) -> Partner {
        self.payoutd.partner("acme", "live").await
    }

    /// A chain watcher.
    pub(crate) async fn watcher(&self) -> Watcher {
        Watcher::connect(&self.broker.url).await
    }
}

/// A message that payoutd sent to services downstream.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    /// Its routing key.
    pub(crate) routing_key: String,
    /// Its event.
    pub(crate) event: Value,
}

impl Delivery {
    /// Reads a message, and checks what is the same for all of them.
    #[track_caller]
    pub(crate) fn read(message: &Value) -> Self {
        let body = message["body"].as_str().expect("text");
        let event: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {message}"));
        assert_eq!(message["content_type"], "application/cloudevents+json", "{message}");
        assert_eq!(message["delivery_mode"], 2, "not persistent: {message}");
        assert_eq!(event["specversion"], "1.0", "{message}");
        assert_eq!(event["subject"], event["data"]["id"], "{message}");
        assert!(event["id"].is_string() && event["source"].is_string(), "{message}");
        Self { routing_key: message["routing_key"].as_str().expect("text").to_owned(), event }
    }

    /// Its type.
    pub(crate) fn kind(&self) -> &str {
        self.event["type"].as_str().expect("text")
    }

    /// The payout it tells of.
    pub(crate) fn subject(&self) -> &str {
        self.event["subject"].as_str().expect("text")
    }

    /// The sequence it tells of.
    pub(crate) fn sequence(&self) -> i64 {
        self.event["data"]["sequence"].as_i64().expect("a number")
    }
}
