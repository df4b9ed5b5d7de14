//! The consumer when its acknowledger fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use payoutd::amqp::ConsumerConfig;
use payoutd_actors::testing::{Call, Fault, Gate, sample};

use super::fixture::{BrokerClient, Fixture, eventually};
use super::shared;

/// Kills the task of the acknowledger: the first increment of its counter panics.
#[derive(Clone, Default)]
struct PanickingRecorder {
    has_panicked: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    reconnects: Arc<AtomicU64>,
}

impl CounterFn for PanickingRecorder {
    fn increment(&self, deliveries: u64) {
        assert!(self.has_panicked.swap(true, SeqCst), "injected by a test");
        self.acknowledged.fetch_add(deliveries, SeqCst);
    }

    fn absolute(&self, _: u64) {}
}

impl Recorder for PanickingRecorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match key.name() {
            "payoutd_intake_acked_total" => Counter::from_arc(Arc::new(self.clone())),
            "payoutd_amqp_reconnects_total" => Counter::from_arc(Arc::clone(&self.reconnects)),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_the_acknowledger_ends_the_session_and_no_report_is_lost() {
    let recorder = PanickingRecorder::default();
    metrics::set_global_recorder(recorder.clone()).unwrap();
    let broker = shared().await;
    let fixture = Fixture::new(broker.settings()).await;
    for number in 1..=3 {
        fixture.create(number).await;
    }
    let gate = Gate::closed();
    fixture.journal.faults().once(Call::Append, Some(sample::id(1)), Fault::HangBefore(gate.clone()));
    let running = fixture.consume(ConsumerConfig { prefetch: 2, ..ConsumerConfig::default() }).await;
    let watcher = BrokerClient::new(&broker.url(), &fixture.settings).await;
    let report = sample::report("r1", 1, sample::broadcast("0xab", None));
    watcher.report(1, &report).await;
    // A report that arrived before this would share the commit that hangs.
    eventually("the commit of the first report hangs", async || fixture.journal.faults().is_exhausted())
        .await;
    for number in 2..=3 {
        watcher.report(number, &report).await;
    }
    eventually("the acknowledger has panicked", async || recorder.has_panicked.load(SeqCst)).await;
    eventually("the session has ended", async || recorder.reconnects.load(SeqCst) == 1).await;
    gate.open();
    eventually("the consumer consumes again", async || running.status.is_consuming()).await;
    eventually("all reports are recorded", async || (1..=3).all(|number| fixture.recorded(number) == 1))
        .await;
    let queue = &fixture.settings.names.chain_events_queue;
    eventually("the redelivered reports are acknowledged", async || recorder.acknowledged.load(SeqCst) >= 2)
        .await;
    running.stop().await;
    assert_eq!(watcher.ready_messages(queue).await, 0);
    fixture.journal.assert_consistent();
}
