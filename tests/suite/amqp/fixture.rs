//! A consumer of a real broker, with actors over a journal in memory.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use payoutd::amqp::{AmqpDeadLetters, AmqpSettings, Consumer, ConsumerConfig, ConsumerStatus};
use payoutd::reports::{
    ParkedReport, ParkedReportStore, ReportIntake, ReportIntakeConfig, StoreProbe, report_message,
};
use payoutd::runtime::shutdown::{ShutdownTrigger, shutdown_signal};
use payoutd_actors::ports::Unavailable;
use payoutd_actors::testing::{
    FaultPlan, ManualClock, MemoryJournal, TestSystem, sample, start_test_system, test_config,
};
use payoutd_domain::{PayoutId, Report, ReportKey, Timestamp};
use tokio::task::JoinHandle;

/// The timeout of every wait. Longer than any step takes on a slow machine.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A store of parked reports, in memory. Parked reports are never retried.
#[derive(Default)]
pub(crate) struct ParkedReports(pub(crate) Mutex<Vec<ParkedReport>>);

#[async_trait]
impl ParkedReportStore for ParkedReports {
    async fn park(&self, report: &ParkedReport) -> Result<(), Unavailable> {
        self.0.lock().unwrap().push(report.clone());
        Ok(())
    }

    async fn claimable(&self, _limit: u32) -> Result<Vec<ParkedReport>, Unavailable> {
        Ok(Vec::new())
    }

    async fn expired(&self, _now: Timestamp, _limit: u32) -> Result<Vec<ParkedReport>, Unavailable> {
        Ok(Vec::new())
    }

    async fn unpark(&self, _payout: PayoutId, _key: &ReportKey) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn parked(&self) -> Result<u64, Unavailable> {
        Ok(self.0.lock().unwrap().len() as u64)
    }
}

/// A store probe with a settable answer.
pub(crate) struct FakeStoreProbe(pub(crate) AtomicBool);

#[async_trait]
impl StoreProbe for FakeStoreProbe {
    async fn answers(&self) -> bool {
        self.0.load(SeqCst)
    }
}

pub(crate) struct Fixture {
    pub(crate) settings: AmqpSettings,
    pub(crate) journal: MemoryJournal,
    pub(crate) started: TestSystem,
    pub(crate) parked_reports: Arc<ParkedReports>,
    pub(crate) probe: Arc<FakeStoreProbe>,
}

pub(crate) struct RunningConsumer {
    pub(crate) status: Arc<ConsumerStatus>,
    shutdown_trigger: ShutdownTrigger,
    task: JoinHandle<()>,
}

impl Fixture {
    pub(crate) async fn new(settings: AmqpSettings) -> Self {
        let journal = MemoryJournal::new(FaultPlan::default());
        let clock = ManualClock::at(sample::at(60));
        let started = start_test_system(&journal, &clock, test_config()).await;
        let probe = Arc::new(FakeStoreProbe(AtomicBool::new(true)));
        Self { settings, journal, started, parked_reports: Arc::default(), probe }
    }

    pub(crate) async fn create(&self, number: u64) {
        self.started.payouts.create(sample::payout(number), None).await.unwrap();
    }

    pub(crate) fn intake(&self) -> ReportIntake {
        let parked_reports: Arc<ParkedReports> = Arc::clone(&self.parked_reports);
        ReportIntake::new(self.started.payouts.clone(), parked_reports, ReportIntakeConfig::default())
    }

    /// Starts a consumer and waits until it consumes.
    pub(crate) async fn consume(&self, config: ConsumerConfig) -> RunningConsumer {
        let dead_letters = Arc::new(AmqpDeadLetters::new(self.settings.clone()));
        let probe: Arc<FakeStoreProbe> = Arc::clone(&self.probe);
        let consumer =
            Consumer::new(self.settings.clone(), config, Arc::new(self.intake()), dead_letters, probe);
        let status = consumer.status();
        let (shutdown_trigger, shutdown) = shutdown_signal();
        let task = tokio::spawn(consumer.run(shutdown));
        let running = RunningConsumer { status, shutdown_trigger, task };
        eventually("the consumer consumes", async || running.status.is_consuming()).await;
        running
    }

    /// The number of reports that the payout has recorded.
    pub(crate) fn recorded(&self, number: u64) -> usize {
        self.journal.entries(sample::id(number)).len()
    }
}

impl RunningConsumer {
    /// Stops at once, without a drain, as if the process were killed.
    pub(crate) fn abort(self) {
        self.task.abort();
    }

    pub(crate) async fn stop(self) {
        self.shutdown_trigger.request();
        tokio::time::timeout(TEST_TIMEOUT, self.task).await.expect("the consumer stops").unwrap();
        assert!(!self.status.is_consuming());
    }
}

/// Waits until `condition` is true.
pub(crate) async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let waited = tokio::time::timeout(TEST_TIMEOUT, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("timed out waiting until {what}"));
}

/// A connection of another party: a chain watcher, another service, or an operator.
pub(crate) struct BrokerClient {
    _connection: Connection,
    pub(crate) channel: Channel,
    settings: AmqpSettings,
}

impl BrokerClient {
    pub(crate) async fn new(url: &str, settings: &AmqpSettings) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        Self { _connection: connection, channel, settings: settings.clone() }
    }

    pub(crate) async fn report(&self, number: u64, report: &Report) {
        let payout = sample::id(number);
        self.send(&payout.to_string(), report_message(payout, report).as_bytes(), &[]).await;
    }

    pub(crate) async fn send(&self, routing_key: &str, body: &[u8], headers: &[(&str, &str)]) {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert((*name).into(), AMQPValue::LongString(LongString::from(*value)));
        }
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_message_id("m-1".into())
            .with_content_type("application/cloudevents+json".into())
            .with_headers(table);
        let exchange = self.settings.names.chain_events.as_str().into();
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let confirm =
            self.channel.basic_publish(exchange, routing_key.into(), options, body, properties).await;
        let confirmation = confirm.unwrap().await.unwrap();
        assert!(confirmation.is_ack() && confirmation.take_message().is_none());
    }

    /// The number of messages in a queue that are not delivered to a consumer.
    pub(crate) async fn ready_messages(&self, queue: &str) -> u32 {
        let options = lapin::options::QueueDeclareOptions { passive: true, ..Default::default() };
        let queue = self.channel.queue_declare(queue.into(), options, FieldTable::default()).await.unwrap();
        queue.message_count()
    }

    /// Receives and acknowledges the next `count` messages of a queue.
    pub(crate) async fn receive(&self, queue: &str, count: usize) -> Vec<Delivery> {
        let options = BasicConsumeOptions::default();
        let consumer = self
            .channel
            .basic_consume(queue.into(), "".into(), options, FieldTable::default())
            .await
            .unwrap();
        let acknowledged = consumer.take(count).then(async |delivery| {
            let delivery = delivery.unwrap();
            delivery.ack(BasicAckOptions::default()).await.unwrap();
            delivery
        });
        let received = tokio::time::timeout(TEST_TIMEOUT, acknowledged.collect::<Vec<_>>());
        received.await.unwrap_or_else(|_| panic!("too few messages in {queue}"))
    }
}

pub(crate) fn header(delivery: &Delivery, name: &str) -> Option<String> {
    let value = delivery.properties.headers().as_ref()?.inner().get(name)?;
    value.as_long_string().map(ToString::to_string)
}
