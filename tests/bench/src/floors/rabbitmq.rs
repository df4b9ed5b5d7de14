//! Floor Q: RabbitMQ alone. It publishes and consumes the messages of lifecycles, with confirms and
//! acknowledgements, on quorum queues with the arguments of payoutd.

use std::cell::Cell;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::Notify;
use tokio::time::sleep_until;
use uuid::Uuid;

use crate::amqp::{Broker, ChannelWriter, ConfirmTracker, close};
use crate::reports::{ReportKind, ReportRenderer, format_payout_id};
use crate::template::Template;
use crate::{Error, Result, per_second};

const REPORTS_QUEUE: &str = "bench.q.reports";
const EVENTS_QUEUE: &str = "bench.q.events";
const MAX_UNCONFIRMED: u64 = 1_000;
const PREFETCH: u16 = 2_000;

/// Returns lifecycles per second. A lifecycle is two reports and three events.
pub(crate) async fn measure_lifecycles(broker: &Broker, template: &Template, count: usize) -> Result<f64> {
    declare_queues(broker).await?;
    let started = Instant::now();
    tokio::try_join!(
        publish_reports(broker, count, None),
        publish_events(broker, template, count, None),
        consume(broker, REPORTS_QUEUE, count * 2, || {}),
        consume(broker, EVENTS_QUEUE, count * 3, || {})
    )?;
    Ok(per_second(count, started.elapsed()))
}

/// Measures the time from the scheduled publication of a report to its delivery, in microseconds. The load is
/// the messages of `rate` lifecycles per second.
pub(crate) async fn measure_delivery_latency(
    broker: &Broker,
    template: &Template,
    rate: f64,
    count: usize,
) -> Result<Histogram<u64>> {
    declare_queues(broker).await?;
    let mut latencies = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    let schedule = Schedule { start: tokio::time::Instant::now() + Duration::from_millis(500), rate };
    // A queue with one consumer preserves the order: two reports of each payout in turn.
    let mut delivery_numbers = 0..;
    let on_report = || {
        let due = delivery_numbers.next().map_or(schedule.start, |nth: usize| schedule.due(nth / 2));
        latencies.saturating_record(u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX).max(1));
    };
    tokio::try_join!(
        publish_reports(broker, count, Some(schedule)),
        publish_events(broker, template, count, Some(schedule)),
        consume(broker, REPORTS_QUEUE, count * 2, on_report),
        consume(broker, EVENTS_QUEUE, count * 3, || {})
    )?;
    Ok(latencies)
}

/// The publication times of the messages of each payout.
#[derive(Clone, Copy)]
struct Schedule {
    start: tokio::time::Instant,
    rate: f64,
}

impl Schedule {
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    fn due(self, nth: usize) -> tokio::time::Instant {
        self.start + Duration::from_secs_f64(nth as f64 / self.rate)
    }
}

async fn declare_queues(broker: &Broker) -> Result<()> {
    for queue in [REPORTS_QUEUE, EVENTS_QUEUE] {
        let mut channel = broker.connect().await?;
        channel.declare_exchange(queue).await?;
        channel.declare_queue(queue, queue).await?;
        channel.purge(queue).await?;
    }
    Ok(())
}

async fn publish_reports(broker: &Broker, count: usize, schedule: Option<Schedule>) -> Result<()> {
    let renderer = ReportRenderer::new();
    publish_all(broker, count, 2, schedule, |writer, id| {
        for kind in ReportKind::ALL {
            writer.publish(REPORTS_QUEUE, &format_payout_id(id), "", renderer.render(id, kind).as_bytes());
        }
    })
    .await
}

async fn publish_events(
    broker: &Broker,
    template: &Template,
    count: usize,
    schedule: Option<Schedule>,
) -> Result<()> {
    publish_all(broker, count, 3, schedule, |writer, id| {
        for (event, sequence) in template.events.iter().zip(1..) {
            let message_id = format!("{}.{sequence}", format_payout_id(id));
            writer.publish(EVENTS_QUEUE, &event.routing_key, &message_id, event.body.as_bytes());
        }
    })
    .await
}

/// Publishes the messages of `payouts` payouts and waits for all confirms.
async fn publish_all(
    broker: &Broker,
    payouts: usize,
    messages_per_payout: u64,
    schedule: Option<Schedule>,
    mut publish: impl FnMut(&ChannelWriter, Uuid),
) -> Result<()> {
    let (writer, mut confirms) = broker.connect().await?.into_publisher().await?;
    let (confirmed, confirm_received) = (Cell::new(0), Notify::new());
    let total = payouts as u64 * messages_per_payout;
    let sending = async {
        for sent in 0..payouts {
            if let Some(schedule) = schedule {
                sleep_until(schedule.due(sent)).await;
            }
            while sent as u64 * messages_per_payout >= confirmed.get() + MAX_UNCONFIRMED {
                confirm_received.notified().await;
            }
            publish(&writer, Uuid::now_v7());
        }
        Ok::<_, Error>(())
    };
    let confirming = async {
        let mut tracker = ConfirmTracker::default();
        while tracker.confirmed() < total {
            confirms.read_confirms(&mut tracker).await?;
            confirmed.set(tracker.confirmed());
            confirm_received.notify_one();
        }
        Ok::<_, Error>(())
    };
    tokio::try_join!(sending, confirming)?;
    close(confirms, &writer).await
}

/// Consumes and acknowledges `count` messages.
async fn consume(broker: &Broker, queue: &str, count: usize, mut on_delivery: impl FnMut()) -> Result<()> {
    let (writer, mut reader) = broker.connect().await?.into_consumer(queue, PREFETCH).await?;
    let mut received = 0;
    while received < count {
        let tag = reader
            .read_deliveries(|_| {
                received += 1;
                on_delivery();
            })
            .await?;
        writer.acknowledge(tag);
    }
    close(reader, &writer).await
}
