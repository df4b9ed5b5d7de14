//! `payoutd serve`: production, with a database and RabbitMQ.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use metrics_exporter_prometheus::PrometheusHandle;
use payoutd_domain::Mode;
use tokio::sync::Notify;

use super::components::Components;
use super::error::AppError;
use super::lifecycle::{Application, start_telemetry};
use super::settings::{amqp_settings, consumer_config, database_url};
use crate::amqp::{AmqpDeadLetters, AmqpPublisher, AmqpSettings, Consumer, ConsumerStatus};
use crate::config::Config;
use crate::ops::Check;
use crate::reports::{DeadLetters, StoreProbe};
use crate::sandbox::{Pace, Planner, SandboxSink};
use crate::store::Store;

/// Runs until the process is asked to stop.
///
/// # Errors
/// Returns an error if the configuration is incomplete, a component cannot start, or a task exits.
pub(crate) async fn serve(config: Config) -> Result<(), AppError> {
    let metrics = start_telemetry(&config.log)?;
    match start(config, metrics).await? {
        Some(application) => application.run().await,
        None => Ok(()),
    }
}

/// Starts all tasks. Returns `None` if the process is asked to stop before it holds the lease on the database.
pub(super) async fn start(
    config: Config,
    metrics: PrometheusHandle,
) -> Result<Option<Application>, AppError> {
    let broker = amqp_settings(&config)?;
    let database_url = database_url(&config)?.to_owned();
    let (components, listener) = Components::open(config, &database_url).await?;
    if components.config.database.migrate {
        components.store.migrate().await?;
    }
    let check = Arc::new(ConsumerCheck::default());
    let checks = vec![("broker", Arc::clone(&check) as Arc<dyn Check>)];
    let Some(mut application) = Application::start(components, metrics, checks).await? else {
        return Ok(None);
    };
    connect_broker(&mut application, &broker, &check);
    connect_sandbox(&mut application);
    application.spawn_partner_api(listener).await?;
    Ok(Some(application))
}

fn connect_broker(application: &mut Application, broker: &AmqpSettings, check: &ConsumerCheck) {
    let dead_letters: Arc<dyn DeadLetters> = Arc::new(AmqpDeadLetters::new(broker.clone()));
    application.spawn_relay(Mode::Live, Arc::new(AmqpPublisher::new(broker.clone())));
    let consumer = Consumer::new(
        broker.clone(),
        consumer_config(&application.components.config.amqp),
        Arc::new(application.report_intake()),
        Arc::clone(&dead_letters),
        Arc::new(StoreHealthProbe(Arc::clone(&application.components.store))),
    );
    check.observe(consumer.status());
    application.edges.spawn("AMQP consumer", |shutdown| consumer.run(shutdown));
    application.spawn_periodic_work(dead_letters);
}

/// Sandbox payouts do not use the broker: the simulator receives their changes and sends their reports.
fn connect_sandbox(application: &mut Application) {
    let planned = Arc::new(Notify::new());
    let plans = Arc::clone(&application.components.store) as _;
    let planner = Planner { plans, planned: Arc::clone(&planned), pace: Pace::AtOnce };
    application.spawn_relay(Mode::Test, Arc::new(planner));
    let sink = SandboxSink(application.payouts.clone());
    application.spawn_simulator(planned, Arc::new(sink));
}

/// Whether the consumer receives reports. A check of `/readyz`.
#[derive(Default)]
struct ConsumerCheck(OnceLock<Arc<ConsumerStatus>>);

impl ConsumerCheck {
    fn observe(&self, status: Arc<ConsumerStatus>) {
        // The process has one consumer, so the cell is empty.
        let _ = self.0.set(status);
    }
}

#[async_trait]
impl Check for ConsumerCheck {
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
