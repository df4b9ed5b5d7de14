//! Floor Q: RabbitMQ alone. The same messages as lifecycles make, published with confirms and consumed with
//! acknowledgement, through the same kinds of queues.

use std::cell::Cell;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::Notify;
use tokio::time::sleep_until;
use uuid::Uuid;

use crate::amqp::{Broker, Outgoing, Tally, close};
use crate::reports::{Kind, Reports, payout_name};
use crate::template::Sample;
use crate::{Fallible, per_second};

const REPORTS: &str = "bench.q.reports";
const EVENTS: &str = "bench.q.events";
/// How many messages may be unconfirmed.
const WINDOW: u64 = 1_000;
const PREFETCH: u16 = 2_000;

/// Lifecycles a second: each is two reports and three announcements.
pub(crate) async fn lifecycles(broker: &Broker, sample: &Sample, count: usize) -> Fallible<f64> {
    declare(broker).await?;
    let started = Instant::now();
    tokio::try_join!(
        reports(broker, count, None),
        events(broker, sample, count, None),
        receive(broker, REPORTS, count * 2, || {}),
        receive(broker, EVENTS, count * 3, || {})
    )?;
    Ok(per_second(count, started.elapsed()))
}

/// How long a report is on its way through the broker, in microseconds from when it was to be published, while as many
/// messages go through it as so many lifecycles a second make.
pub(crate) async fn on_the_way(
    broker: &Broker,
    sample: &Sample,
    pace: f64,
    count: usize,
) -> Fallible<Histogram<u64>> {
    declare(broker).await?;
    let mut times = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    let pace = Pace { from: tokio::time::Instant::now() + Duration::from_millis(500), a_second: pace };
    // A queue with one consumer keeps the order: both reports of the first payout, then those of the second.
    let mut arrived = 0..;
    let arrival = || {
        let due = arrived.next().map_or(pace.from, |nth: usize| pace.due(nth / 2));
        times.saturating_record(u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX).max(1));
    };
    tokio::try_join!(
        reports(broker, count, Some(pace)),
        events(broker, sample, count, Some(pace)),
        receive(broker, REPORTS, count * 2, arrival),
        receive(broker, EVENTS, count * 3, || {})
    )?;
    Ok(times)
}

/// When the messages of each payout are published.
#[derive(Clone, Copy)]
struct Pace {
    from: tokio::time::Instant,
    a_second: f64,
}

impl Pace {
    #[expect(clippy::cast_precision_loss, reason = "few enough")]
    fn due(self, nth: usize) -> tokio::time::Instant {
        self.from + Duration::from_secs_f64(nth as f64 / self.a_second)
    }
}

async fn declare(broker: &Broker) -> Fallible<()> {
    for queue in [REPORTS, EVENTS] {
        let mut setup = broker.connect().await?;
        setup.exchange(queue).await?;
        setup.queue(queue, queue).await?;
        setup.purge(queue).await?;
    }
    Ok(())
}

async fn reports(broker: &Broker, count: usize, pace: Option<Pace>) -> Fallible<()> {
    let written = Reports::new();
    send(broker, count, 2, pace, |outgoing, id| {
        for kind in Kind::BOTH {
            outgoing.publish(REPORTS, &payout_name(id), "", written.body(id, kind).as_bytes());
        }
    })
    .await
}

async fn events(broker: &Broker, sample: &Sample, count: usize, pace: Option<Pace>) -> Fallible<()> {
    send(broker, count, 3, pace, |outgoing, id| {
        for (event, sequence) in sample.events.iter().zip(1..) {
            let message_id = format!("{}.{sequence}", payout_name(id));
            outgoing.publish(EVENTS, &event.routing_key, &message_id, event.body.as_bytes());
        }
    })
    .await
}

/// Publishes the messages of so many payouts, `each` of them at a time, and waits for all confirms.
async fn send(
    broker: &Broker,
    payouts: usize,
    each: u64,
    pace: Option<Pace>,
    mut publish: impl FnMut(&Outgoing, Uuid),
) -> Fallible<()> {
    let (outgoing, mut confirms) = broker.connect().await?.publishing().await?.split();
    let (confirmed, more) = (Cell::new(0), Notify::new());
    let all = payouts as u64 * each;
    let sending = async {
        for sent in 0..payouts {
            if let Some(pace) = pace {
                sleep_until(pace.due(sent)).await;
            }
            while sent as u64 * each >= confirmed.get() + WINDOW {
                more.notified().await;
            }
            publish(&outgoing, Uuid::now_v7());
        }
        Fallible::Ok(())
    };
    let confirming = async {
        let mut tally = Tally::default();
        while tally.confirmed() < all {
            confirms.confirms(&mut tally).await?;
            confirmed.set(tally.confirmed());
            more.notify_one();
        }
        Fallible::Ok(())
    };
    tokio::try_join!(sending, confirming)?;
    close(confirms, &outgoing).await
}

/// Consumes so many messages and acknowledges them.
async fn receive(broker: &Broker, queue: &str, count: usize, mut arrived: impl FnMut()) -> Fallible<()> {
    let (outgoing, mut incoming) = broker.connect().await?.consuming(queue, PREFETCH).await?.split();
    let mut received = 0;
    while received < count {
        let tag = incoming
            .deliveries(|_| {
                received += 1;
                arrived();
            })
            .await?;
        outgoing.acknowledge(tag);
    }
    close(incoming, &outgoing).await
}
