//! Lifecycles a second: created over HTTP, broadcast and delivered over AMQP, all three announced, all durable.
//! payoutd and floor F take turns, round by round, and so do floors R, B and Q.

use std::time::Duration;

use super::Bench;
use crate::floors::floor_server::Bare;
use crate::floors::pgbench::{OneByOne, Script};
use crate::floors::{batched_writes, rabbitmq};
use crate::load_generator::{self, Place};
use crate::system_under_test::{CHAIN_EXCHANGE, EVENTS_QUEUE, Site};
use crate::table::{Row, Target, median};
use crate::template::Sample;
use crate::{Fallible, check, process_stats, quotes, same};

/// Lifecycles that find out how fast this machine is.
const TRIAL: usize = 4_000;

/// What the rounds came to, one figure each.
#[derive(Debug, Default)]
struct Figures {
    payoutd: Vec<f64>,
    bare: Vec<f64>,
    /// Changes.
    one_by_one: Vec<f64>,
    batches: Vec<f64>,
    broker: Vec<f64>,
}

pub(super) async fn measure(bench: &mut Bench<'_>) -> Fallible<()> {
    bench.say("lifecycles");
    let site = Site::open(&bench.servers, &bench.binary, "lifecycles", &[]).await?;
    let sample = Sample::take(&site).await?;
    let bare = Bare::start(&bench.servers, &sample, bench.migrated(&site, "bare").await?).await?;
    let (singles, batched) =
        (bench.migrated(&site, "singles").await?, bench.migrated(&site, "batched").await?);
    let mut one_by_one = OneByOne::new(&bench.servers, &sample, Script::Lifecycle)?;
    let seconds = bench.options.round_seconds();

    let trial = payoutd_round(bench, &site, TRIAL, &mut Vec::new()).await?;
    bare_round(bench, &bare, TRIAL, &mut Vec::new()).await?;
    let count = sized(trial, seconds);
    let mut figures = Figures::default();
    let mut costs = (Vec::new(), Vec::new());
    for round in 0..bench.options.rounds() {
        figures.payoutd.push(payoutd_round(bench, &site, count, &mut costs.0).await?);
        figures.bare.push(bare_round(bench, &bare, count, &mut costs.1).await?);
        singles.settle().await?;
        figures.one_by_one.push(one_by_one.changes(&singles, seconds.div_ceil(2)).await?);
        batched.settle().await?;
        figures.batches.push(batched_writes::lifecycles(&batched, &sample, count).await?);
        check::nothing_left(&batched).await?;
        figures.broker.push(rabbitmq::lifecycles(&bench.servers.broker, &sample, count).await?);
        bench.say(&format!("round {}: {figures:.0?}", round + 1));
    }
    bench.rows.extend(rows(&figures));
    bench.highest_rate = Some(median(&figures.payoutd));
    bench.notes.push(format!(
        "floor R was fastest with {} clients; CPU time per lifecycle: {}; with floor F: {}",
        one_by_one.clients(),
        Cost::median(&costs.0),
        Cost::median(&costs.1),
    ));
    bare.close().await?;
    singles.drop().await?;
    batched.drop().await?;
    site.close().await
}

/// So many that they take about so long.
pub(super) fn sized(rate: f64, seconds: u32) -> usize {
    load_generator::whole(rate * f64::from(seconds)).max(2_000)
}

fn rows(figures: &Figures) -> [Row; 4] {
    let lifecycles = median(&figures.payoutd);
    let row = |measure, floor, target| Row::beside(measure, lifecycles, "/s", floor, target);
    let changes = median(&figures.one_by_one);
    [
        row("lifecycles", ("F", median(&figures.bare)), Target::Ratio(0.6)),
        Row::beside("the same, in changes", lifecycles * 3.0, "/s", ("R", changes), Target::Ratio(2.0)),
        row("beside PostgreSQL alone, in batches", ("B", median(&figures.batches)), Target::Reported),
        row("beside RabbitMQ alone", ("Q", median(&figures.broker)), Target::Reported),
    ]
}

/// CPU time per lifecycle, by who used it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    program: Duration,
    postgres: Duration,
    rabbit: Duration,
    load: Duration,
}

impl Cost {
    fn so_far(bench: &Bench<'_>, program: u32) -> Fallible<Self> {
        Ok(Self {
            program: process_stats::cpu_time(program),
            postgres: process_stats::cpu_time(bench.servers.postgres_process()?),
            rabbit: process_stats::cpu_time(bench.servers.rabbit_process()?),
            load: process_stats::own_cpu_time(),
        })
    }

    fn since(self, before: Self, count: usize) -> Self {
        let each = |after: Duration, before: Duration| {
            after.saturating_sub(before) / u32::try_from(count).unwrap_or(u32::MAX).max(1)
        };
        Self {
            program: each(self.program, before.program),
            postgres: each(self.postgres, before.postgres),
            rabbit: each(self.rabbit, before.rabbit),
            load: each(self.load, before.load),
        }
    }

    fn median(costs: &[Self]) -> String {
        let of = |part: fn(&Self) -> Duration| {
            let micros: Vec<f64> = costs.iter().map(|cost| part(cost).as_secs_f64() * 1e6).collect();
            median(&micros)
        };
        format!(
            "program {:.0} µs, PostgreSQL {:.0} µs, RabbitMQ {:.0} µs, load {:.0} µs",
            of(|cost| cost.program),
            of(|cost| cost.postgres),
            of(|cost| cost.rabbit),
            of(|cost| cost.load),
        )
    }
}

/// A round of payoutd, checked.
pub(super) async fn payoutd_round(
    bench: &Bench<'_>,
    site: &Site,
    count: usize,
    costs: &mut Vec<Cost>,
) -> Fallible<f64> {
    let quotes = quotes::make(site.program.api, &site.key, count).await?;
    site.database.settle().await?;
    let before = Cost::so_far(bench, site.program.process)?;
    let lived = load_generator::live(&site.place(), load_generator::FULL, &quotes).await?;
    costs.push(Cost::so_far(bench, site.program.process)?.since(before, count));
    check::site(site, &lived.ids).await?;
    same("announcements sent twice", i64::try_from(lived.repeated)?, 0)?;
    Ok(lived.rate)
}

async fn bare_round(bench: &Bench<'_>, bare: &Bare, count: usize, costs: &mut Vec<Cost>) -> Fallible<f64> {
    // As long as real ones: the requests are the same.
    let quotes: Vec<String> = (0..count).map(|at| format!("quo_{at:064x}")).collect();
    bare.database.settle().await?;
    let before = Cost::so_far(bench, bare.process)?;
    let lived = load_generator::live(&bare.place(), load_generator::FULL, &quotes).await?;
    costs.push(Cost::so_far(bench, bare.process)?.since(before, count));
    check::delivered(&bare.database, &lived.ids).await?;
    Ok(lived.rate)
}

impl Site {
    /// Where load is put on it.
    pub(super) fn place(&self) -> Place {
        Place {
            api: self.program.api,
            key: self.key.clone(),
            broker: self.servers.broker.clone(),
            chain_exchange: CHAIN_EXCHANGE,
            events_queue: EVENTS_QUEUE,
        }
    }
}
