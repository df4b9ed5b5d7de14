//! The rate at which payoutd and floor F process a backlog of reports.
//!
//! The backlog has both reports of each payout, in order, with the reports of other payouts between them. The
//! time runs from the first event to the last.

use std::ops::Range;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::BenchmarkRun;
use crate::amqp::{Broker, ConfirmTracker, close};
use crate::dataset::{self, Status};
use crate::floors::floor_server::{self, FloorServer};
use crate::reports::{ReportKind, ReportRenderer, format_payout_id};
use crate::system_under_test::{CHAIN_EXCHANGE, EVENTS_QUEUE, SystemUnderTest};
use crate::table::{Row, Target, median};
use crate::template::Template;
use crate::{Result, check, per_second};

/// The number of other payouts' reports between the two reports of a payout.
const INTERLEAVED_PAYOUTS: usize = 5_000;
const MAX_UNCONFIRMED: u64 = 5_000;
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) async fn measure(run: &mut BenchmarkRun<'_>) -> Result<()> {
    let default = if run.options.short { 20_000 } else { 500_000 };
    let payouts = run.options.backlog.unwrap_or(default) / 2;
    run.log_progress("draining a backlog");
    let mut system = SystemUnderTest::set_up(&run.servers, &run.binary, "drain", &[]).await?;
    let template = Template::record(&system).await?;
    let floor_database = run.create_migrated_database(&system, "drain_floor_f").await?;
    let (mut rates, mut floor_rates) = (Vec::new(), Vec::new());
    // Two rounds of the long backlog are sufficient.
    for round in 0..run.options.rounds().min(2) {
        let numbers = round * payouts..(round + 1) * payouts;
        let ids: Vec<Uuid> = numbers.clone().map(dataset::payout_id).collect();
        system.stop().await?;
        dataset::load(&system.database, &template, numbers.clone(), Status::Pending).await?;
        publish_interleaved(&run.servers.broker, CHAIN_EXCHANGE, &numbers).await?;
        system.database.checkpoint().await?;
        let (rate, ()) =
            tokio::try_join!(consume_events(&run.servers.broker, EVENTS_QUEUE, payouts * 2), system.start())?;
        check::final_state(&system, &ids).await?;
        rates.push(rate);

        dataset::load(&floor_database, &template, numbers.clone(), Status::Pending).await?;
        FloorServer::declare_queues(&run.servers).await?;
        publish_interleaved(&run.servers.broker, floor_server::REPORTS_QUEUE, &numbers).await?;
        floor_database.checkpoint().await?;
        let events = consume_events(&run.servers.broker, floor_server::EVENTS_QUEUE, payouts * 2);
        let started = FloorServer::start_on_existing_queues(&run.servers, &template, floor_database.clone());
        let (rate, floor_server) = tokio::try_join!(events, started)?;
        check::all_delivered(&floor_database, &ids).await?;
        drop(floor_server);
        floor_rates.push(rate);
    }
    let floor = ("F", median(&floor_rates));
    let measure = format!("draining {} reports", payouts * 2);
    run.rows.push(Row::with_floor(&measure, median(&rates), "/s", floor, Target::Ratio(0.6)));
    floor_database.drop_database().await?;
    system.tear_down().await
}

/// Publishes both reports of each payout, in the order of a backlog.
pub(super) async fn publish_interleaved(
    broker: &Broker,
    exchange: &str,
    numbers: &Range<usize>,
) -> Result<()> {
    let (writer, mut confirms) = broker.connect().await?.into_publisher().await?;
    let (renderer, mut tracker, mut sent) = (ReportRenderer::new(), ConfirmTracker::default(), 0u64);
    for at in 0..numbers.len() + INTERLEAVED_PAYOUTS {
        let reports_due =
            [(Some(at), ReportKind::Broadcast), (at.checked_sub(INTERLEAVED_PAYOUTS), ReportKind::Delivered)];
        for (at, kind) in reports_due {
            let Some(number) = at.map(|at| numbers.start + at).filter(|number| numbers.contains(number))
            else {
                continue;
            };
            let id = dataset::payout_id(number);
            writer.publish(exchange, &format_payout_id(id), "", renderer.render(id, kind).as_bytes());
            sent += 1;
        }
        while sent > tracker.confirmed() + MAX_UNCONFIRMED {
            confirms.read_confirms(&mut tracker).await?;
        }
    }
    while sent > tracker.confirmed() {
        confirms.read_confirms(&mut tracker).await?;
    }
    close(confirms, &writer).await
}

/// Consumes `count` events. Returns events per second, from the first to the last.
async fn consume_events(broker: &Broker, queue: &str, count: usize) -> Result<f64> {
    let (writer, mut reader) = broker.connect().await?.into_consumer(queue, 2_000).await?;
    let (mut first_event, mut read) = (None, 0);
    while read < count {
        let tag = timeout(STALL_TIMEOUT, reader.read_deliveries(|_| read += 1)).await;
        let tag = tag.map_err(|_| "no event arrived before the timeout")??;
        writer.acknowledge(tag);
        first_event = first_event.or(Some(Instant::now()));
    }
    let time = first_event.map_or(Duration::ZERO, |first| first.elapsed());
    close(reader, &writer).await?;
    Ok(per_second(count, time))
}
