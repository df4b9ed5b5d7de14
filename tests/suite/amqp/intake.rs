//! Reports in.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use lapin::options::QueueDeleteOptions;
use payoutd::amqp::{ConsumerConfig, ConsumerState};
use payoutd_actors::testing::{Call, Fault, Gate, sample};
use payoutd_domain::{Mode, Status};

use super::bench::{Bench, Other, eventually, header};
use super::shared;

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_acknowledged_only_after_its_outcome_is_committed() {
    let broker = shared().await;
    let bench = Bench::new(broker.settings()).await;
    bench.create(1).await;
    let gate = Gate::closed();
    bench.journal.faults().once(Call::Append, None, Fault::HangBefore(gate.clone()));
    let running = bench.consume(ConsumerConfig::default()).await;
    let watcher = Other::new(&broker.url(), &bench.settings).await;
    watcher.report(1, &sample::report("r1", 1, sample::broadcast("0xab", None))).await;
    eventually("the commit is under way", async || bench.journal.counts().appends == 1).await;
    running.die();
    let queue = &bench.settings.names.chain_events_queue;
    eventually("the broker has it still", async || watcher.waiting_in(queue).await == 1).await;
    let running = bench.consume(ConsumerConfig::default()).await;
    assert_eq!(watcher.waiting_in(queue).await, 0, "it is delivered once more");
    gate.open();
    eventually("it is recorded", async || bench.recorded(1) == 1).await;
    running.stop().await;
    assert_eq!(bench.recorded(1), 1, "once");
    assert_eq!(watcher.waiting_in(queue).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_report_is_put_aside_with_its_reason() {
    let broker = shared().await;
    let bench = Bench::new(broker.settings()).await;
    let sandbox = sample::in_mode(sample::payout(1), Mode::Test);
    bench.started.payouts.create(sandbox, None).await.unwrap();
    let running = bench.consume(ConsumerConfig::default()).await;
    let watcher = Other::new(&broker.url(), &bench.settings).await;
    watcher.send("some.key", b"{oops", &[("x-own", "kept"), ("payoutd-reason", "forged")]).await;
    watcher.report(1, &sample::report("r1", 1, sample::broadcast("0xab", None))).await;
    let huge = vec![b' '; 1024 * 1024 + 1];
    watcher.send("", &huge, &[("x-long", &"h".repeat(90_000))]).await;
    let letters = watcher.receive(&bench.settings.names.dead_letters_queue, 3).await;
    let by_reason = |reason: &str| {
        letters.iter().find(|letter| header(letter, "payoutd-reason").as_deref() == Some(reason)).unwrap()
    };
    let not_json = by_reason("not_json");
    assert_eq!(not_json.data, b"{oops");
    assert_eq!(header(not_json, "x-own").as_deref(), Some("kept"));
    assert_eq!(header(not_json, "payoutd-routing-key").as_deref(), Some("some.key"));
    assert_eq!(header(not_json, "payoutd-exchange").as_ref(), Some(&bench.settings.names.chain_events));
    assert_eq!(header(not_json, "payoutd-message-id").as_deref(), Some("m-1"));
    assert!(header(not_json, "payoutd-detail").unwrap().contains("line 1"));
    assert!(header(by_reason("sandbox_payout"), "payoutd-detail").unwrap().contains("sandbox"));
    let too_large = by_reason("too_large");
    assert_eq!(too_large.data.len(), 1024 * 1024);
    assert_eq!(header(too_large, "payoutd-truncated-from-bytes").unwrap(), huge.len().to_string());
    assert_eq!(header(too_large, "payoutd-dropped-headers").as_deref(), Some("1"));
    running.stop().await;
    assert_eq!(watcher.waiting_in(&bench.settings.names.chain_events_queue).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_without_a_payout_is_parked_and_acknowledged() {
    let broker = shared().await;
    let bench = Bench::new(broker.settings()).await;
    let running = bench.consume(ConsumerConfig::default()).await;
    let watcher = Other::new(&broker.url(), &bench.settings).await;
    let report = sample::report("r1", 1, sample::broadcast("0xab", None));
    watcher.report(1, &report).await;
    eventually("it is parked", async || bench.lot.0.lock().unwrap().len() == 1).await;
    running.stop().await;
    assert_eq!(watcher.waiting_in(&bench.settings.names.chain_events_queue).await, 0);
    assert_eq!(bench.lot.0.lock().unwrap()[0].key, report.key);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_payouts_reports_stay_in_order_while_one_of_them_has_to_be_tried_again() {
    let broker = shared().await;
    let bench = Bench::new(broker.settings()).await;
    for number in [1, 2] {
        bench.create(number).await;
    }
    let running = bench.consume(ConsumerConfig::default()).await;
    let watcher = Other::new(&broker.url(), &bench.settings).await;
    bench.journal.faults().times(4, Call::Append, Some(sample::id(1)), Fault::Unavailable);
    let order: Vec<String> = (1..=20).map(|n| format!("r{n}")).collect();
    for id in &order {
        watcher.report(1, &sample::report(id, 1, sample::broadcast(id, None))).await;
    }
    watcher.report(2, &sample::report("other", 1, sample::broadcast("0xab", None))).await;
    eventually("the other payout does not wait", async || bench.recorded(2) == 1).await;
    eventually("all are recorded", async || bench.recorded(1) == 20).await;
    let recorded: Vec<String> = bench
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
async fn a_long_outage_of_the_store_gives_the_reports_back_and_they_come_again() {
    let broker = shared().await;
    let bench = Bench::new(broker.settings()).await;
    bench.create(1).await;
    let config = ConsumerConfig { patience: Duration::from_millis(300), ..ConsumerConfig::default() };
    let running = bench.consume(config).await;
    let watcher = Other::new(&broker.url(), &bench.settings).await;
    bench.journal.faults().always(Call::Append, None, Fault::Unavailable);
    bench.probe.0.store(false, SeqCst);
    watcher.report(1, &sample::report("r1", 1, sample::broadcast("0xab", None))).await;
    eventually("it waits for the store", async || running.status.state() == ConsumerState::WaitingForStore)
        .await;
    let queue = &bench.settings.names.chain_events_queue;
    eventually("the report is back", async || watcher.waiting_in(queue).await == 1).await;
    bench.journal.faults().clear();
    bench.probe.0.store(true, SeqCst);
    eventually("it is recorded", async || bench.recorded(1) == 1).await;
    running.stop().await;
    assert_eq!(watcher.waiting_in(queue).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_the_store_never_takes_is_put_aside_while_others_go_on() {
    let broker = shared().await;
    let bench = Bench::new(broker.settings()).await;
    for number in [1, 2] {
        bench.create(number).await;
    }
    let config = ConsumerConfig { patience: Duration::from_millis(300), ..ConsumerConfig::default() };
    let running = bench.consume(config).await;
    let watcher = Other::new(&broker.url(), &bench.settings).await;
    bench.journal.faults().always(Call::Append, Some(sample::id(1)), Fault::Unavailable);
    for number in [1, 2] {
        watcher.report(number, &sample::report("r1", 1, sample::broadcast("0xab", None))).await;
    }
    let letters = watcher.receive(&bench.settings.names.dead_letters_queue, 1).await;
    assert_eq!(header(&letters[0], "payoutd-reason").as_deref(), Some("not_recordable"));
    eventually("the other is recorded", async || bench.recorded(2) == 1).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_finishes_what_is_in_hand_and_leaves_the_rest_in_the_queue() {
    let broker = shared().await;
    let bench = Bench::new(broker.settings()).await;
    bench.create(1).await;
    let gate = Gate::closed();
    bench.journal.faults().once(Call::Append, None, Fault::HangBefore(gate.clone()));
    let running = bench.consume(ConsumerConfig::default()).await;
    let watcher = Other::new(&broker.url(), &bench.settings).await;
    for id in ["r1", "r2", "r3"] {
        watcher.report(1, &sample::report(id, 1, sample::broadcast(id, None))).await;
    }
    eventually("the first is under way", async || bench.journal.counts().appends == 1).await;
    let stopping = tokio::spawn(running.stop());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!stopping.is_finished(), "it waits for the commit");
    gate.open();
    stopping.await.unwrap();
    assert_eq!(bench.recorded(1), 1);
    let queue = &bench.settings.names.chain_events_queue;
    eventually("the others are back", async || watcher.waiting_in(queue).await == 2).await;
    let again = bench.consume(ConsumerConfig::default()).await;
    eventually("and come again", async || bench.recorded(1) == 3).await;
    assert_eq!(bench.journal.row(sample::id(1)).unwrap().status(), Status::Broadcast);
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_consumer_survives_losing_its_queue_and_with_it_its_channel() {
    let broker = shared().await;
    let bench = Bench::new(broker.settings()).await;
    bench.create(1).await;
    let running = bench.consume(ConsumerConfig::default()).await;
    let watcher = Other::new(&broker.url(), &bench.settings).await;
    watcher.report(1, &sample::report("r1", 1, sample::broadcast("a", None))).await;
    eventually("the first is recorded", async || bench.recorded(1) == 1).await;
    let queue = bench.settings.names.chain_events_queue.as_str();
    watcher.channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    eventually("it notices", async || !running.status.is_consuming()).await;
    eventually("it consumes again", async || running.status.is_consuming()).await;
    watcher.report(1, &sample::report("r2", 2, sample::broadcast("b", None))).await;
    eventually("the second is recorded", async || bench.recorded(1) == 2).await;
    running.stop().await;
}
