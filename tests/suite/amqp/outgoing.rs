//! Publishing changes, reports and dead letters.

use lapin::ExchangeKind;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use payoutd::amqp::{AmqpDeadLetters, AmqpPublisher, ConsumerConfig, SendReportError, send_report};
use payoutd::outbox::{OutboxMessage, PublishError, Publisher};
use payoutd::reports::{DeadLetter, DeadLetterReason, DeadLetters};
use payoutd_actors::testing::sample;
use payoutd_domain::{ChangeKind, Mode, Sequence};

use super::fixture::{BrokerClient, Fixture, eventually, header};
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
async fn changes_arrive_in_order_with_their_properties_and_headers() {
    let broker = shared().await;
    let settings = broker.settings();
    let publisher = AmqpPublisher::new(settings.clone());
    assert_eq!(publisher.publish(&[]).await, []);
    assert_eq!(publisher.publish(&[message(1, 1)]).await, [Ok(())], "a change without a queue is no error");
    let service = BrokerClient::new(&broker.url(), &settings).await;
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

async fn bind(service: &BrokerClient, queue: &str, exchange: &str) {
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
async fn after_a_failure_no_later_message_of_that_payout_is_published() {
    let broker = shared().await;
    let publisher = AmqpPublisher::new(broker.settings());
    let sandbox = OutboxMessage { mode: Mode::Test, ..message(1, 2) };
    let unsendable = OutboxMessage { routing_key: "k".repeat(256), ..message(3, 1) };
    let results = publisher
        .publish(&[message(1, 1), sandbox, message(1, 3), message(2, 1), unsendable, message(3, 2)])
        .await;
    assert_eq!(
        results[..4],
        [Ok(()), Err(PublishError::WrongMode), Err(PublishError::EarlierMessageFailed), Ok(())]
    );
    assert!(matches!(results[4], Err(PublishError::Unsendable(_))), "{results:?}");
    assert_eq!(results[5], Err(PublishError::EarlierMessageFailed));
}

#[tokio::test(flavor = "multi_thread")]
async fn send_report_returns_an_error_unless_a_queue_has_the_report() {
    let broker = shared().await;
    let fixture = Fixture::new(broker.settings()).await;
    fixture.create(1).await;
    let report = sample::report("r1", 1, sample::broadcast("0xab", None));
    let send = async || send_report(&fixture.settings, sample::id(1), &report, Some(TRACE)).await;
    assert!(matches!(send().await, Err(SendReportError::Unavailable(_))), "the exchange does not exist");
    let operator = BrokerClient::new(&broker.url(), &fixture.settings).await;
    let exchange = fixture.settings.names.chain_events.as_str();
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    operator
        .channel
        .exchange_declare(exchange.into(), ExchangeKind::Topic, durable, FieldTable::default())
        .await
        .unwrap();
    assert!(matches!(send().await, Err(SendReportError::Unroutable(_))), "no queue is bound");
    let running = fixture.consume(ConsumerConfig::default()).await;
    assert_eq!(send().await, Ok(()));
    eventually("it is recorded", async || fixture.recorded(1) == 1).await;
    assert_eq!(fixture.journal.outbox()[1].traceparent.as_deref(), Some(TRACE));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_dead_letter_queue_is_declared_again() {
    let broker = shared().await;
    let settings = broker.settings();
    let dead_letters = AmqpDeadLetters::new(settings.clone());
    dead_letters.send(&dead_letter()).await.unwrap();
    let operator = BrokerClient::new(&broker.url(), &settings).await;
    let queue = settings.names.dead_letters_queue.as_str();
    operator.channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    assert!(dead_letters.send(&dead_letter()).await.is_err(), "no queue has the dead letter");
    dead_letters.send(&dead_letter()).await.unwrap();
    assert_eq!(operator.receive(queue, 1).await[0].data, b"?");
}

pub(super) fn dead_letter() -> DeadLetter {
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
