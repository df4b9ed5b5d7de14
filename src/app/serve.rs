//! `payoutd serve`: production, with a database and RabbitMQ.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payoutd_domain::Mode;
use tokio::sync::Notify;

use super::lifecycle::{Components, System, start_telemetry};
use super::{amqp_settings, required};
use crate::amqp::{AmqpDeadLetters, AmqpPublisher, AmqpSettings, Consumer, ConsumerConfig, ConsumerStatus};
use crate::cli::Failure;
use crate::config::Config;
use crate::ops::Check;
use crate::reports::{DeadLetters, StoreProbe};
use crate::sandbox::{Pace, Planner, SandboxSink};
use crate::store::Store;

/// Runs in production until the process is asked to stop.
///
/// # Errors
/// Where the configuration does not suffice, the database cannot be opened, or a part of the system dies.
pub async fn serve(config: Config) -> Result<(), Failure> {
    let metrics = start_telemetry(&config)?;
    let broker = amqp_settings(&config)?;
    let database = required(config.database.url.set(), "database.url", "DATABASE_URL")?.to_owned();
    let (foundation, api) = Components::open(config, &database).await?;
    if foundation.config.database.migrate {
        foundation.store.migrate().await?;
    }
    let intake = Arc::new(BrokerCheck::default());
    let checks = vec![("broker", Arc::clone(&intake) as Arc<dyn Check>)];
    let Some((mut system, held)) = foundation.start(metrics, checks).await? else { return Ok(()) };
    connect(&mut system, &broker, &intake);
    system.open_api(api).await?;
    system.run(held).await
}

/// Live payouts to and from the broker, sandbox payouts to and from the simulator.
fn connect(system: &mut System, broker: &AmqpSettings, check: &BrokerCheck) {
    let letters: Arc<dyn DeadLetters> = Arc::new(AmqpDeadLetters::new(broker.clone()));
    system.relay(Mode::Live, Arc::new(AmqpPublisher::new(broker.clone())));
    let config = &system.foundation.config;
    let limits = ConsumerConfig {
        prefetch: config.amqp.prefetch,
        drain: Duration::from_secs(config.http.drain_seconds),
        ..ConsumerConfig::default()
    };
    let store = StoreHealthProbe(Arc::clone(&system.foundation.store));
    let consumer =
        Consumer::new(broker.clone(), limits, Arc::new(system.desk()), Arc::clone(&letters), Arc::new(store));
    check.watch(consumer.status());
    system.edges.spawn("the intake", |mut stop| consumer.run(async move { stop.requested().await }));
    system.upkeep(letters);

    let planned = Arc::new(Notify::new());
    let plans = Arc::clone(&system.foundation.store) as _;
    let planner = Planner { plans, planned: Arc::clone(&planned), pace: Pace::AtOnce };
    system.relay(Mode::Test, Arc::new(planner));
    let sink = SandboxSink(system.payouts.clone());
    system.simulator(planned, Arc::new(sink));
}

/// Whether reports are being consumed, for `/readyz`.
#[derive(Default)]
struct BrokerCheck(std::sync::OnceLock<Arc<ConsumerStatus>>);

impl BrokerCheck {
    fn watch(&self, status: Arc<ConsumerStatus>) {
        // There is one consumer, so this happens once.
        let _ = self.0.set(status);
    }
}

#[async_trait]
impl Check for BrokerCheck {
    async fn check(&self) -> Result<(), String> {
        match self.0.get() {
            Some(status) if status.is_consuming() => Ok(()),
            Some(status) => Err(status.state().as_str().to_owned()),
            None => Err("not started".to_owned()),
        }
    }
}

struct StoreHealthProbe(Arc<dyn Store>);

#[async_trait]
impl StoreProbe for StoreHealthProbe {
    async fn answers(&self) -> bool {
        self.0.ping().await.is_ok()
    }
}
