//! Floor Q: RabbitMQ alone. The same messages as lifecycles make, published with confirms and consumed with
//! acknowledgement, through the same kinds of queues.

use std::cell::Cell;
use std::time::Instant;

use tokio::sync::Notify;
use uuid::Uuid;

use crate::amqp::{Broker, Outgoing, Tally, close};
use crate::reports::{Kind, Reports, payout_name};
use crate::sample::Sample;
use crate::{Fallible, per_second};

const REPORTS: &str = "bench.q.reports";
const EVENTS: &str = "bench.q.events";
/// How many messages may be unconfirmed.
const WINDOW: u64 = 1_000;
const PREFETCH: u16 = 2_000;

/// Lifecycles a second: each is two reports and three announcements.
pub(crate) async fn lifecycles(broker: &Broker, sample: &Sample, count: usize) -> Fallible<f64> {
    for queue in [REPORTS, EVENTS] {
        let mut setup = broker.connect().await?;
        setup.exchange(queue).await?;
        setup.queue(queue, queue).await?;
        setup.purge(queue).await?;
    }
    let started = Instant::now();
    let reports = async {
        let written = Reports::new();
        send(broker, count, 2, |outgoing, id| {
            for kind in Kind::BOTH {
                outgoing.publish(REPORTS, &payout_name(id), "", written.body(id, kind).as_bytes());
            }
        })
        .await
    };
    let events = send(broker, count, 3, |outgoing, id| {
        for (event, sequence) in sample.events.iter().zip(1..) {
            let message_id = format!("{}.{sequence}", payout_name(id));
            outgoing.publish(EVENTS, &event.routing_key, &message_id, event.body.as_bytes());
        }
    });
    tokio::try_join!(
        reports,
        events,
        receive(broker, REPORTS, count * 2),
        receive(broker, EVENTS, count * 3)
    )?;
    Ok(per_second(count, started.elapsed()))
}

/// Publishes the messages of so many payouts, `each` of them at a time, and waits for all confirms.
async fn send(
    broker: &Broker,
    payouts: usize,
    each: u64,
    mut publish: impl FnMut(&Outgoing, Uuid),
) -> Fallible<()> {
    let (outgoing, mut confirms) = broker.connect().await?.publishing().await?.split();
    let (confirmed, more) = (Cell::new(0), Notify::new());
    let all = payouts as u64 * each;
    let sending = async {
        for sent in 0..payouts as u64 {
            while sent * each >= confirmed.get() + WINDOW {
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
async fn receive(broker: &Broker, queue: &str, count: usize) -> Fallible<()> {
    let (outgoing, mut incoming) = broker.connect().await?.consuming(queue, PREFETCH).await?.split();
    let mut received = 0;
    while received < count {
        let tag = incoming.deliveries(|_| received += 1).await?;
        outgoing.acknowledge(tag);
    }
    close(incoming, &outgoing).await
}
