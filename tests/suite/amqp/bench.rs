//! Payouts over a memory journal behind a consumer of a real broker.

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
use payoutd_actors::ports::Unavailable;
use payoutd_actors::testing::{
    FaultPlan, ManualClock, MemoryJournal, TestSystem, sample, start_test_system, test_config,
};
use payoutd_domain::{PayoutId, Report, ReportKey, Timestamp};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A lot where reports are parked and stay.
#[derive(Default)]
pub(crate) struct Lot(pub(crate) Mutex<Vec<ParkedReport>>);

#[async_trait]
impl ParkedReportStore for Lot {
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

/// A store that answers or does not.
pub(crate) struct Probe(pub(crate) AtomicBool);

#[async_trait]
impl StoreProbe for Probe {
    async fn answers(&self) -> bool {
        self.0.load(SeqCst)
    }
}

pub(crate) struct Bench {
    pub(crate) settings: AmqpSettings,
    pub(crate) journal: MemoryJournal,
    pub(crate) started: TestSystem,
    pub(crate) lot: Arc<Lot>,
    pub(crate) probe: Arc<Probe>,
}

pub(crate) struct ActorSystem {
    pub(crate) status: Arc<ConsumerStatus>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Bench {
    pub(crate) async fn new(settings: AmqpSettings) -> Self {
        let journal = MemoryJournal::new(FaultPlan::default());
        let clock = ManualClock::at(sample::at(60));
        let started = start_test_system(&journal, &clock, test_config()).await;
        let probe = Arc::new(Probe(AtomicBool::new(true)));
        Self { settings, journal, started, lot: Arc::default(), probe }
    }

    pub(crate) async fn create(&self, number: u64) {
        self.started.payouts.create(sample::payout(number), None).await.unwrap();
    }

    pub(crate) fn desk(&self) -> ReportIntake {
        let lot: Arc<Lot> = Arc::clone(&self.lot);
        ReportIntake::new(self.started.payouts.clone(), lot, ReportIntakeConfig::default())
    }

    /// Runs a consumer and waits until it consumes.
    pub(crate) async fn consume(&self, config: ConsumerConfig) -> ActorSystem {
        let letters = Arc::new(AmqpDeadLetters::new(self.settings.clone()));
        let probe: Arc<Probe> = Arc::clone(&self.probe);
        let consumer = Consumer::new(self.settings.clone(), config, Arc::new(self.desk()), letters, probe);
        let status = consumer.status();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(consumer.run(async move { drop(stopped.await) }));
        let running = ActorSystem { status, stop, task };
        eventually("the consumer consumes", async || running.status.is_consuming()).await;
        running
    }

    /// How many reports this payout has recorded.
    pub(crate) fn recorded(&self, number: u64) -> usize {
        self.journal.entries(sample::id(number)).len()
    }
}

impl ActorSystem {
    /// Dies as a process does, in the middle of whatever it does.
    pub(crate) fn die(self) {
        self.task.abort();
    }

    pub(crate) async fn stop(self) {
        drop(self.stop);
        tokio::time::timeout(PATIENCE, self.task).await.expect("the consumer stops").unwrap();
        assert!(!self.status.is_consuming());
    }
}

/// Waits until it is so.
pub(crate) async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

/// Somebody else's connection: a watcher, a service downstream, an operator.
pub(crate) struct Other {
    _connection: Connection,
    pub(crate) channel: Channel,
    settings: AmqpSettings,
}

impl Other {
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

    /// How many messages wait in a queue, delivered to nobody.
    pub(crate) async fn waiting_in(&self, queue: &str) -> u32 {
        let options = lapin::options::QueueDeclareOptions { passive: true, ..Default::default() };
        let queue = self.channel.queue_declare(queue.into(), options, FieldTable::default()).await.unwrap();
        queue.message_count()
    }

    /// The next `count` messages of a queue.
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
        let received = tokio::time::timeout(PATIENCE, acknowledged.collect::<Vec<_>>());
        received.await.unwrap_or_else(|_| panic!("too few messages in {queue}"))
    }
}

pub(crate) fn header(delivery: &Delivery, name: &str) -> Option<String> {
    let value = delivery.properties.headers().as_ref()?.inner().get(name)?;
    value.as_long_string().map(ToString::to_string)
}
