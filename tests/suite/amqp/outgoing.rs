//! Announcements and reports out.

use lapin::ExchangeKind;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use payoutd::amqp::{AmqpDeadLetters, AmqpPublisher, ConsumerConfig, SendReportError, send_report};
use payoutd::outbox::{OutboxMessage, PublishError, Publisher};
use payoutd::reports::{DeadLetter, DeadLetterReason, DeadLetters};
use payoutd_actors::testing::sample;
use payoutd_domain::{ChangeKind, Mode, Sequence};

use super::bench::{Bench, Other, eventually, header};
use super::shared;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

pub(super) fn message(number: u64, sequence: i64) -> OutboxMessage {
    OutboxMessage {
        id: sequence,
        payout_id: sample::id(number),
        sequence: Sequence(sequence),
        mode: Mode::Live,
        kind: ChangeKind::Updated,
        routing_key: "payout.updated.ethereum".into(),
        body: format!("{{\"n\":{number},\"s\":{sequence}}}"),
        traceparent: Some(TRACE.into()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn announcements_arrive_in_order_with_everything_they_carry() {
    let broker = shared().await;
    let settings = broker.settings();
    let publisher = AmqpPublisher::new(settings.clone());
    assert_eq!(publisher.publish(&[]).await, []);
    assert_eq!(publisher.publish(&[message(1, 1)]).await, [Ok(())], "that nobody listens is no fault");
    let service = Other::new(&broker.url(), &settings).await;
    let queue = format!("{}.service", settings.names.payouts);
    bind(&service, &queue, &settings.names.payouts).await;
    let messages: Vec<_> = (1..=1_200).map(|sequence| message(1, sequence)).collect();
    assert!(publisher.publish(&messages).await.iter().all(Result::is_ok));
    let received = service.receive(&queue, messages.len()).await;
    for (sent, received) in messages.iter().zip(&received) {
        assert_eq!(received.data, sent.body.as_bytes());
        let properties = &received.properties;
        assert_eq!(
            properties.message_id().as_ref().unwrap().as_str(),
            format!("{}.{}", sent.payout_id, sent.sequence)
        );
        assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/cloudevents+json");
        assert_eq!(*properties.delivery_mode(), Some(2));
        assert_eq!(header(received, "traceparent").as_deref(), Some(TRACE));
        assert_eq!(received.routing_key.as_str(), "payout.updated.ethereum");
    }
}

async fn bind(service: &Other, queue: &str, exchange: &str) {
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    service.channel.queue_declare(queue.into(), durable, FieldTable::default()).await.unwrap();
    let options = QueueBindOptions::default();
    let key = "payout.*.ethereum".into();
    service
        .channel
        .queue_bind(queue.into(), exchange.into(), key, options, FieldTable::default())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failure_nothing_later_of_that_payout_counts_as_published() {
    let broker = shared().await;
    let publisher = AmqpPublisher::new(broker.settings());
    let sandbox = OutboxMessage { mode: Mode::Test, ..message(1, 2) };
    let unsendable = OutboxMessage { routing_key: "k".repeat(256), ..message(3, 1) };
    let results = publisher
        .publish(&[message(1, 1), sandbox, message(1, 3), message(2, 1), unsendable, message(3, 2)])
        .await;
    assert_eq!(results[..4], [Ok(()), Err(PublishError::WrongMode), Err(PublishError::OutOfTurn), Ok(())]);
    assert!(matches!(results[4], Err(PublishError::Unsendable(_))), "{results:?}");
    assert_eq!(results[5], Err(PublishError::OutOfTurn));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_by_hand_arrives_or_is_an_error() {
    let broker = shared().await;
    let bench = Bench::new(broker.settings()).await;
    bench.create(1).await;
    let report = sample::report("r1", 1, sample::broadcast("0xab", None));
    let send = async || send_report(&bench.settings, sample::id(1), &report, Some(TRACE)).await;
    assert!(matches!(send().await, Err(SendReportError::Unavailable(_))), "there is no exchange yet");
    let operator = Other::new(&broker.url(), &bench.settings).await;
    let exchange = bench.settings.names.chain_events.as_str();
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    operator
        .channel
        .exchange_declare(exchange.into(), ExchangeKind::Topic, durable, FieldTable::default())
        .await
        .unwrap();
    assert!(matches!(send().await, Err(SendReportError::Unroutable(_))), "there is no queue yet");
    let running = bench.consume(ConsumerConfig::default()).await;
    assert_eq!(send().await, Ok(()));
    eventually("it is recorded", async || bench.recorded(1) == 1).await;
    assert_eq!(bench.journal.outbox()[1].traceparent.as_deref(), Some(TRACE));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_queue_that_was_removed_is_declared_again() {
    let broker = shared().await;
    let settings = broker.settings();
    let letters = AmqpDeadLetters::new(settings.clone());
    letters.send(&letter()).await.unwrap();
    let operator = Other::new(&broker.url(), &settings).await;
    let queue = settings.names.dead_letters_queue.as_str();
    operator.channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    assert!(letters.send(&letter()).await.is_err(), "a letter that nobody keeps is not sent");
    letters.send(&letter()).await.unwrap();
    assert_eq!(operator.receive(queue, 1).await[0].data, b"?");
}

pub(super) fn letter() -> DeadLetter {
    DeadLetter {
        reason: DeadLetterReason::NotJson,
        detail: "body".into(),
        exchange: String::new(),
        routing_key: "k".into(),
        message_id: None,
        content_type: None,
        headers: Vec::new(),
        body: b"?".to_vec(),
    }
}
