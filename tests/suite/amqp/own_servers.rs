//! What a broker of one's own can be made to do to us.

use std::time::Duration;

use payoutd::amqp::{AmqpDeadLetters, AmqpPublisher, ConsumerConfig};
use payoutd::outbox::{PublishError, Publisher};
use payoutd::reports::DeadLetters;
use payoutd_actors::testing::sample;

use super::bench::{Bench, Other, eventually};
use super::broker::Broker;
use super::outgoing::{letter, message};

#[tokio::test(flavor = "multi_thread")]
async fn the_consumer_survives_its_connection_being_closed() {
    let broker = Broker::start().await;
    let bench = Bench::new(broker.settings()).await;
    bench.create(1).await;
    let running = bench.consume(ConsumerConfig::default()).await;
    broker.ctl(&["close_all_connections", "a test"]).await;
    eventually("it notices", async || !running.status.is_consuming()).await;
    eventually("it consumes again", async || running.status.is_consuming()).await;
    let watcher = Other::new(&broker.url(), &bench.settings).await;
    watcher.report(1, &sample::report("r1", 1, sample::broadcast("a", None))).await;
    eventually("it is recorded", async || bench.recorded(1) == 1).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_when_the_broker_dies_in_the_middle_of_a_stream() {
    let mut broker = Broker::start().await;
    let bench = Bench::new(broker.settings()).await;
    const PAYOUTS: u64 = 300;
    for number in 1..=PAYOUTS {
        bench.create(number).await;
    }
    let config = ConsumerConfig { prefetch: 20, ..ConsumerConfig::default() };
    let running = bench.consume(config).await;
    let publisher = AmqpPublisher::new(bench.settings.clone());
    assert_eq!(publisher.publish(&[message(1, 1)]).await, [Ok(())]);
    // RabbitMQ itself forgets the data of a queue declared seconds before it was killed (rabbitmq-server #15725).
    tokio::time::sleep(Duration::from_secs(6)).await;
    let watcher = Other::new(&broker.url(), &bench.settings).await;
    for number in 1..=PAYOUTS {
        watcher.report(number, &sample::report("r1", 1, sample::broadcast("a", None))).await;
        watcher.report(number, &sample::report("r2", 2, sample::delivered("b"))).await;
        if number == PAYOUTS / 2 {
            break;
        }
    }
    broker.kill();
    eventually("it notices", async || !running.status.is_consuming()).await;
    let failed = publisher.publish(&[message(1, 2), message(2, 1)]).await;
    assert!(failed.iter().all(Result::is_err), "{failed:?}");
    // Longer than a client library's own recovery would try.
    tokio::time::sleep(Duration::from_secs(5)).await;
    broker.start_again().await;
    eventually("it consumes again", async || running.status.is_consuming()).await;
    let watcher = Other::new(&broker.url(), &bench.settings).await;
    for number in PAYOUTS / 2..=PAYOUTS {
        watcher.report(number, &sample::report("r1", 1, sample::broadcast("a", None))).await;
        watcher.report(number, &sample::report("r2", 2, sample::delivered("b"))).await;
    }
    eventually("all are recorded", async || (1..=PAYOUTS).all(|number| bench.recorded(number) == 2)).await;
    bench.journal.assert_consistent();
    eventually("the publisher is back", async || {
        publisher.publish(&[message(1, 2), message(2, 1)]).await.iter().all(Result::is_ok)
    })
    .await;
    running.stop().await;
    assert_eq!(watcher.waiting_in(&bench.settings.names.chain_events_queue).await, 0);
    assert_eq!(watcher.waiting_in(&bench.settings.names.dead_letters_queue).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_broker_blocks_publishers_reports_are_still_consumed() {
    let broker = Broker::start().await;
    let mut settings = broker.settings();
    settings.confirm_timeout = Duration::from_millis(500);
    let bench = Bench::new(settings).await;
    bench.create(1).await;
    let watcher = Other::new(&broker.url(), &bench.settings).await;
    let running = bench.consume(ConsumerConfig::default()).await;
    let publisher = AmqpPublisher::new(bench.settings.clone());
    let letters = AmqpDeadLetters::new(bench.settings.clone());
    assert_eq!(publisher.publish(&[message(1, 1)]).await, [Ok(())]);
    running.stop().await;
    for id in ["r1", "r2"] {
        watcher.report(1, &sample::report(id, 1, sample::broadcast(id, None))).await;
    }

    broker.ctl(&["set_vm_memory_high_watermark", "0"]).await;
    let running = bench.consume(ConsumerConfig::default()).await;
    eventually("reports are consumed and acknowledged", async || bench.recorded(1) == 2).await;
    for round in 0..3 {
        let failed = publisher.publish(&[message(1, 2)]).await;
        assert!(
            matches!(failed[..], [Err(PublishError::TimedOut | PublishError::Unavailable(_))]),
            "{round}: {failed:?}"
        );
        assert!(letters.send(&letter()).await.is_err());
    }
    let connections = broker.ctl(&["-q", "list_connections", "pid", "--no-table-headers"]).await;
    assert!(connections.lines().count() <= 4, "no connection is left behind:\n{connections}");

    broker.ctl(&["set_vm_memory_high_watermark", "0.8"]).await;
    eventually("the publisher goes on", async || publisher.publish(&[message(1, 2)]).await == [Ok(())]).await;
    eventually("dead letters go on", async || letters.send(&letter()).await.is_ok()).await;
    running.stop().await;
}
