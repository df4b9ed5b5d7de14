//! Failures of the broker, each test with its own server.

use std::time::Duration;

use payoutd::amqp::{AmqpDeadLetters, AmqpPublisher, ConsumerConfig};
use payoutd::outbox::{PublishError, Publisher};
use payoutd::reports::DeadLetters;
use payoutd_actors::testing::sample;

use super::broker::Broker;
use super::fixture::{BrokerClient, Fixture, eventually};
use super::outgoing::{dead_letter, message};

#[tokio::test(flavor = "multi_thread")]
async fn the_consumer_reconnects_after_its_connection_is_closed() {
    let broker = Broker::start().await;
    let fixture = Fixture::new(broker.settings()).await;
    fixture.create(1).await;
    let running = fixture.consume(ConsumerConfig::default()).await;
    broker.ctl(&["close_all_connections", "a test"]).await;
    eventually("the consumer notices the failure", async || !running.status.is_consuming()).await;
    eventually("the consumer consumes again", async || running.status.is_consuming()).await;
    let watcher = BrokerClient::new(&broker.url(), &fixture.settings).await;
    watcher.report(1, &sample::report("r1", 1, sample::broadcast("a", None))).await;
    eventually("it is recorded", async || fixture.recorded(1) == 1).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_report_is_lost_or_recorded_twice_when_the_broker_is_killed() {
    let mut broker = Broker::start().await;
    let fixture = Fixture::new(broker.settings()).await;
    const PAYOUTS: u64 = 300;
    for number in 1..=PAYOUTS {
        fixture.create(number).await;
    }
    let config = ConsumerConfig { prefetch: 20, ..ConsumerConfig::default() };
    let running = fixture.consume(config).await;
    let publisher = AmqpPublisher::new(fixture.settings.clone());
    assert_eq!(publisher.publish(&[message(1, 1)]).await, [Ok(())]);
    // RabbitMQ loses a queue that is declared seconds before a kill (rabbitmq-server #15725).
    tokio::time::sleep(Duration::from_secs(6)).await;
    let watcher = BrokerClient::new(&broker.url(), &fixture.settings).await;
    for number in 1..=PAYOUTS {
        watcher.report(number, &sample::report("r1", 1, sample::broadcast("a", None))).await;
        watcher.report(number, &sample::report("r2", 2, sample::delivered("b"))).await;
        if number == PAYOUTS / 2 {
            break;
        }
    }
    broker.kill();
    eventually("the consumer notices the failure", async || !running.status.is_consuming()).await;
    let failed = publisher.publish(&[message(1, 2), message(2, 1)]).await;
    assert!(failed.iter().all(Result::is_err), "{failed:?}");
    // Longer than the client library's own recovery retries.
    tokio::time::sleep(Duration::from_secs(5)).await;
    broker.start_again().await;
    eventually("the consumer consumes again", async || running.status.is_consuming()).await;
    let watcher = BrokerClient::new(&broker.url(), &fixture.settings).await;
    for number in PAYOUTS / 2..=PAYOUTS {
        watcher.report(number, &sample::report("r1", 1, sample::broadcast("a", None))).await;
        watcher.report(number, &sample::report("r2", 2, sample::delivered("b"))).await;
    }
    eventually("all are recorded", async || (1..=PAYOUTS).all(|number| fixture.recorded(number) == 2)).await;
    fixture.journal.assert_consistent();
    eventually("the publisher is connected again", async || {
        publisher.publish(&[message(1, 2), message(2, 1)]).await.iter().all(Result::is_ok)
    })
    .await;
    running.stop().await;
    assert_eq!(watcher.ready_messages(&fixture.settings.names.chain_events_queue).await, 0);
    assert_eq!(watcher.ready_messages(&fixture.settings.names.dead_letters_queue).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_consumed_while_the_broker_blocks_publishers() {
    let broker = Broker::start().await;
    let mut settings = broker.settings();
    settings.confirm_timeout = Duration::from_millis(500);
    let fixture = Fixture::new(settings).await;
    fixture.create(1).await;
    let watcher = BrokerClient::new(&broker.url(), &fixture.settings).await;
    let running = fixture.consume(ConsumerConfig::default()).await;
    let publisher = AmqpPublisher::new(fixture.settings.clone());
    let dead_letters = AmqpDeadLetters::new(fixture.settings.clone());
    assert_eq!(publisher.publish(&[message(1, 1)]).await, [Ok(())]);
    running.stop().await;
    for id in ["r1", "r2"] {
        watcher.report(1, &sample::report(id, 1, sample::broadcast(id, None))).await;
    }

    broker.ctl(&["set_vm_memory_high_watermark", "0"]).await;
    let running = fixture.consume(ConsumerConfig::default()).await;
    eventually("reports are consumed and acknowledged", async || fixture.recorded(1) == 2).await;
    for round in 0..3 {
        let failed = publisher.publish(&[message(1, 2)]).await;
        assert!(
            matches!(failed[..], [Err(PublishError::TimedOut | PublishError::Unavailable(_))]),
            "{round}: {failed:?}"
        );
        assert!(dead_letters.send(&dead_letter()).await.is_err());
    }
    let connections = broker.ctl(&["-q", "list_connections", "pid", "--no-table-headers"]).await;
    assert!(connections.lines().count() <= 4, "no connection leaks:\n{connections}");

    broker.ctl(&["set_vm_memory_high_watermark", "0.8"]).await;
    eventually("changes are published again", async || publisher.publish(&[message(1, 2)]).await == [Ok(())])
        .await;
    eventually("dead letters are published again", async || dead_letters.send(&dead_letter()).await.is_ok())
        .await;
    running.stop().await;
}
