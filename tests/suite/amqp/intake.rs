//! Consuming reports.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use lapin::options::QueueDeleteOptions;
use payoutd::amqp::{ConsumerConfig, ConsumerState};
use payoutd_actors::testing::{Call, Fault, Gate, sample};
use payoutd_domain::{Mode, Status};

use super::fixture::{BrokerClient, Fixture, eventually, header};
use super::shared;

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_acknowledged_only_after_its_outcome_is_committed() {
    let broker = shared().await;
    let fixture = Fixture::new(broker.settings()).await;
    fixture.create(1).await;
    let gate = Gate::closed();
    fixture.journal.faults().once(Call::Append, None, Fault::HangBefore(gate.clone()));
    let running = fixture.consume(ConsumerConfig::default()).await;
    let watcher = BrokerClient::new(&broker.url(), &fixture.settings).await;
    watcher.report(1, &sample::report("r1", 1, sample::broadcast("0xab", None))).await;
    eventually("the commit has started", async || fixture.journal.counts().appends == 1).await;
    running.abort();
    let queue = &fixture.settings.names.chain_events_queue;
    eventually("the broker has the report again", async || watcher.ready_messages(queue).await == 1).await;
    let running = fixture.consume(ConsumerConfig::default()).await;
    assert_eq!(watcher.ready_messages(queue).await, 0, "the report is redelivered");
    gate.open();
    eventually("it is recorded", async || fixture.recorded(1) == 1).await;
    running.stop().await;
    assert_eq!(fixture.recorded(1), 1, "the report is recorded once");
    assert_eq!(watcher.ready_messages(queue).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_no_report_is_dead_lettered_with_its_reason() {
    let broker = shared().await;
    let fixture = Fixture::new(broker.settings()).await;
    let sandbox = sample::in_mode(sample::payout(1), Mode::Test);
    fixture.started.payouts.create(sandbox, None).await.unwrap();
    let running = fixture.consume(ConsumerConfig::default()).await;
    let watcher = BrokerClient::new(&broker.url(), &fixture.settings).await;
    watcher.send("some.key", b"{oops", &[("x-own", "kept"), ("payoutd-reason", "forged")]).await;
    watcher.report(1, &sample::report("r1", 1, sample::broadcast("0xab", None))).await;
    let huge = vec![b' '; 1024 * 1024 + 1];
    watcher.send("", &huge, &[("x-long", &"h".repeat(90_000))]).await;
    let dead_letters = watcher.receive(&fixture.settings.names.dead_letters_queue, 3).await;
    let by_reason = |reason: &str| {
        dead_letters
            .iter()
            .find(|dead_letter| header(dead_letter, "payoutd-reason").as_deref() == Some(reason))
            .unwrap()
    };
    let not_json = by_reason("not_json");
    assert_eq!(not_json.data, b"{oops");
    assert_eq!(header(not_json, "x-own").as_deref(), Some("kept"));
    assert_eq!(header(not_json, "payoutd-routing-key").as_deref(), Some("some.key"));
    assert_eq!(header(not_json, "payoutd-exchange").as_ref(), Some(&fixture.settings.names.chain_events));
    assert_eq!(header(not_json, "payoutd-message-id").as_deref(), Some("m-1"));
    assert!(header(not_json, "payoutd-detail").unwrap().contains("line 1"));
    assert!(header(by_reason("sandbox_payout"), "payoutd-detail").unwrap().contains("sandbox"));
    let too_large = by_reason("too_large");
    assert_eq!(too_large.data.len(), 1024 * 1024);
    assert_eq!(header(too_large, "payoutd-truncated-from-bytes").unwrap(), huge.len().to_string());
    assert_eq!(header(too_large, "payoutd-dropped-headers").as_deref(), Some("1"));
    running.stop().await;
    assert_eq!(watcher.ready_messages(&fixture.settings.names.chain_events_queue).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_without_a_payout_is_parked_and_acknowledged() {
    let broker = shared().await;
    let fixture = Fixture::new(broker.settings()).await;
    let running = fixture.consume(ConsumerConfig::default()).await;
    let watcher = BrokerClient::new(&broker.url(), &fixture.settings).await;
    let report = sample::report("r1", 1, sample::broadcast("0xab", None));
    watcher.report(1, &report).await;
    eventually("it is parked", async || fixture.parked_reports.0.lock().unwrap().len() == 1).await;
    running.stop().await;
    assert_eq!(watcher.ready_messages(&fixture.settings.names.chain_events_queue).await, 0);
    assert_eq!(fixture.parked_reports.0.lock().unwrap()[0].key, report.key);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reports_of_a_payout_stay_in_order_while_one_of_them_is_retried() {
    let broker = shared().await;
    let fixture = Fixture::new(broker.settings()).await;
    for number in [1, 2] {
        fixture.create(number).await;
    }
    let running = fixture.consume(ConsumerConfig::default()).await;
    let watcher = BrokerClient::new(&broker.url(), &fixture.settings).await;
    fixture.journal.faults().times(4, Call::Append, Some(sample::id(1)), Fault::Unavailable);
    let order: Vec<String> = (1..=20).map(|n| format!("r{n}")).collect();
    for id in &order {
        watcher.report(1, &sample::report(id, 1, sample::broadcast(id, None))).await;
    }
    watcher.report(2, &sample::report("other", 1, sample::broadcast("0xab", None))).await;
    eventually("the other payout is not blocked", async || fixture.recorded(2) == 1).await;
    eventually("all are recorded", async || fixture.recorded(1) == 20).await;
    let recorded: Vec<String> = fixture
        .journal
        .row(sample::id(1))
        .unwrap()
        .timeline
        .iter()
        .filter_map(|entry| entry.tx_hash.as_ref().map(ToString::to_string))
        .collect();
    assert_eq!(recorded, order);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_return_to_the_queue_during_a_long_outage_of_the_store_and_are_redelivered() {
    let broker = shared().await;
    let fixture = Fixture::new(broker.settings()).await;
    fixture.create(1).await;
    let config = ConsumerConfig { max_retry_time: Duration::from_millis(300), ..ConsumerConfig::default() };
    let running = fixture.consume(config).await;
    let watcher = BrokerClient::new(&broker.url(), &fixture.settings).await;
    fixture.journal.faults().always(Call::Append, None, Fault::Unavailable);
    fixture.probe.0.store(false, SeqCst);
    watcher.report(1, &sample::report("r1", 1, sample::broadcast("0xab", None))).await;
    eventually("the consumer waits for the store", async || {
        running.status.state() == ConsumerState::WaitingForStore
    })
    .await;
    let queue = &fixture.settings.names.chain_events_queue;
    eventually("the report is in the queue again", async || watcher.ready_messages(queue).await == 1).await;
    fixture.journal.faults().clear();
    fixture.probe.0.store(true, SeqCst);
    eventually("it is recorded", async || fixture.recorded(1) == 1).await;
    running.stop().await;
    assert_eq!(watcher.ready_messages(queue).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_the_store_never_records_is_dead_lettered_and_blocks_no_other_payout() {
    let broker = shared().await;
    let fixture = Fixture::new(broker.settings()).await;
    for number in [1, 2] {
        fixture.create(number).await;
    }
    let config = ConsumerConfig { max_retry_time: Duration::from_millis(300), ..ConsumerConfig::default() };
    let running = fixture.consume(config).await;
    let watcher = BrokerClient::new(&broker.url(), &fixture.settings).await;
    fixture.journal.faults().always(Call::Append, Some(sample::id(1)), Fault::Unavailable);
    for number in [1, 2] {
        watcher.report(number, &sample::report("r1", 1, sample::broadcast("0xab", None))).await;
    }
    let dead_letters = watcher.receive(&fixture.settings.names.dead_letters_queue, 1).await;
    assert_eq!(header(&dead_letters[0], "payoutd-reason").as_deref(), Some("not_recordable"));
    eventually("the other report is recorded", async || fixture.recorded(2) == 1).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_finishes_started_reports_and_leaves_the_rest_in_the_queue() {
    let broker = shared().await;
    let fixture = Fixture::new(broker.settings()).await;
    fixture.create(1).await;
    let gate = Gate::closed();
    fixture.journal.faults().once(Call::Append, None, Fault::HangBefore(gate.clone()));
    let running = fixture.consume(ConsumerConfig::default()).await;
    let watcher = BrokerClient::new(&broker.url(), &fixture.settings).await;
    for id in ["r1", "r2", "r3"] {
        watcher.report(1, &sample::report(id, 1, sample::broadcast(id, None))).await;
    }
    eventually("the first commit has started", async || fixture.journal.counts().appends == 1).await;
    let stopping = tokio::spawn(running.stop());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!stopping.is_finished(), "the shutdown waits for the commit");
    gate.open();
    stopping.await.unwrap();
    assert_eq!(fixture.recorded(1), 1);
    let queue = &fixture.settings.names.chain_events_queue;
    eventually("the other reports are in the queue again", async || watcher.ready_messages(queue).await == 2)
        .await;
    let again = fixture.consume(ConsumerConfig::default()).await;
    eventually("the other reports are redelivered", async || fixture.recorded(1) == 3).await;
    assert_eq!(fixture.journal.row(sample::id(1)).unwrap().status(), Status::Broadcast);
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_consumer_reconnects_after_its_queue_is_deleted() {
    let broker = shared().await;
    let fixture = Fixture::new(broker.settings()).await;
    fixture.create(1).await;
    let running = fixture.consume(ConsumerConfig::default()).await;
    let watcher = BrokerClient::new(&broker.url(), &fixture.settings).await;
    watcher.report(1, &sample::report("r1", 1, sample::broadcast("a", None))).await;
    eventually("the first is recorded", async || fixture.recorded(1) == 1).await;
    let queue = fixture.settings.names.chain_events_queue.as_str();
    watcher.channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    eventually("the consumer notices the failure", async || !running.status.is_consuming()).await;
    eventually("the consumer consumes again", async || running.status.is_consuming()).await;
    watcher.report(1, &sample::report("r2", 2, sample::broadcast("b", None))).await;
    eventually("the second is recorded", async || fixture.recorded(1) == 2).await;
    running.stop().await;
}
