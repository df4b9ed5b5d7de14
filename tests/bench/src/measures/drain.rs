//! A backlog of reports, as it is after payoutd was away: drained by payoutd, and by floor F.
//!
//! Two reports for each payout, in order, with those of many other payouts between them. Timed is from the first
//! announcement to the last.

use std::ops::Range;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::Bench;
use crate::amqp::{Broker, Tally, close};
use crate::dataset::{self, State};
use crate::floors::floor_server::{self, Bare};
use crate::reports::{Kind, Reports, payout_name};
use crate::system_under_test::{CHAIN_EXCHANGE, EVENTS_QUEUE, Site};
use crate::table::{Row, Target, median};
use crate::template::Sample;
use crate::{Fallible, check, failure, per_second};

/// How many payouts' reports lie between the two of one payout.
const APART: usize = 5_000;
const WINDOW: u64 = 5_000;
const STALLED: Duration = Duration::from_secs(60);

pub(super) async fn measure(bench: &mut Bench<'_>) -> Fallible<()> {
    let usual = if bench.options.short { 20_000 } else { 500_000 };
    let payouts = bench.options.backlog.unwrap_or(usual) / 2;
    bench.say("draining a backlog");
    let mut site = Site::open(&bench.servers, &bench.binary, "drain", &[]).await?;
    let sample = Sample::take(&site).await?;
    let bare_database = bench.migrated(&site, "drain_bare").await?;
    let (mut drained, mut bare_drained) = (Vec::new(), Vec::new());
    // The long form's backlog is long enough for two rounds to do.
    for round in 0..bench.options.rounds().min(2) {
        let numbers = round * payouts..(round + 1) * payouts;
        let ids: Vec<Uuid> = numbers.clone().map(dataset::id).collect();
        site.halt().await?;
        dataset::load(&site.database, &sample, numbers.clone(), State::Pending).await?;
        publish(&bench.servers.broker, CHAIN_EXCHANGE, &numbers).await?;
        site.database.settle().await?;
        let (rate, ()) =
            tokio::try_join!(announced(&bench.servers.broker, EVENTS_QUEUE, payouts * 2), site.resume())?;
        check::site(&site, &ids).await?;
        drained.push(rate);

        dataset::load(&bare_database, &sample, numbers.clone(), State::Pending).await?;
        Bare::declare(&bench.servers).await?;
        publish(&bench.servers.broker, floor_server::REPORTS, &numbers).await?;
        bare_database.settle().await?;
        let events = announced(&bench.servers.broker, floor_server::EVENTS, payouts * 2);
        let started = Bare::resume(&bench.servers, &sample, bare_database.clone());
        let (rate, bare) = tokio::try_join!(events, started)?;
        check::delivered(&bare_database, &ids).await?;
        drop(bare);
        bare_drained.push(rate);
    }
    let floor = ("F", median(&bare_drained));
    let measure = format!("draining {} reports", payouts * 2);
    bench.rows.push(Row::beside(&measure, median(&drained), "/s", floor, Target::Ratio(0.6)));
    bare_database.drop().await?;
    site.close().await
}

/// Publishes both reports of every payout.
pub(super) async fn publish(broker: &Broker, exchange: &str, numbers: &Range<usize>) -> Fallible<()> {
    let (outgoing, mut confirms) = broker.connect().await?.publishing().await?.split();
    let (reports, mut tally, mut sent) = (Reports::new(), Tally::default(), 0u64);
    for at in 0..numbers.len() + APART {
        let turns = [(Some(at), Kind::Broadcast), (at.checked_sub(APART), Kind::Delivered)];
        for (at, kind) in turns {
            let Some(number) = at.map(|at| numbers.start + at).filter(|number| numbers.contains(number))
            else {
                continue;
            };
            let id = dataset::id(number);
            outgoing.publish(exchange, &payout_name(id), "", reports.body(id, kind).as_bytes());
            sent += 1;
        }
        while sent > tally.confirmed() + WINDOW {
            confirms.confirms(&mut tally).await?;
        }
    }
    while sent > tally.confirmed() {
        confirms.confirms(&mut tally).await?;
    }
    close(confirms, &outgoing).await
}

/// Reads so many announcements, and returns how many a second there were.
async fn announced(broker: &Broker, queue: &str, count: usize) -> Fallible<f64> {
    let (outgoing, mut incoming) = broker.connect().await?.consuming(queue, 2_000).await?.split();
    let (mut first, mut read) = (None, 0);
    while read < count {
        let tag = timeout(STALLED, incoming.deliveries(|_| read += 1)).await;
        let tag = tag.map_err(|_| failure("the backlog is not drained any further"))??;
        outgoing.acknowledge(tag);
        first = first.or(Some(Instant::now()));
    }
    let time = first.map_or(Duration::ZERO, |first| first.elapsed());
    close(incoming, &outgoing).await?;
    Ok(per_second(count, time))
}
