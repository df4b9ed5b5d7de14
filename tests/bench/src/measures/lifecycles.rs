//! Lifecycles per second: a payout is created over HTTP, broadcast and delivered over AMQP, with three
//! durable events. payoutd and floor F run in alternating rounds, and so do floors R, B and Q.

use std::time::Duration;

use super::BenchmarkRun;
use crate::floors::floor_server::FloorServer;
use crate::floors::pgbench::{PgbenchFloor, Script};
use crate::floors::{batched_writes, rabbitmq};
use crate::load_generator::{self, ClientConfig};
use crate::system_under_test::{CHAIN_EXCHANGE, EVENTS_QUEUE, SystemUnderTest};
use crate::table::{Row, Target, median};
use crate::template::Template;
use crate::{Result, check, check_count, process_stats, quotes, truncate_to_usize};

/// The number of lifecycles that measure the rate for the workload size.
const CALIBRATION_LIFECYCLES: usize = 4_000;

/// Lifecycles per second of each round.
#[derive(Debug, Default)]
struct Rates {
    payoutd: Vec<f64>,
    floor_server: Vec<f64>,
    /// Changes per second.
    pgbench: Vec<f64>,
    batched_writes: Vec<f64>,
    rabbitmq: Vec<f64>,
}

pub(super) async fn measure(run: &mut BenchmarkRun<'_>) -> Result<()> {
    run.log_progress("lifecycles");
    let system = SystemUnderTest::set_up(&run.servers, &run.binary, "lifecycles", &[]).await?;
    let template = Template::record(&system).await?;
    let floor_server =
        FloorServer::start(&run.servers, &template, run.create_migrated_database(&system, "floor_f").await?)
            .await?;
    let (pgbench_database, batches_database) = (
        run.create_migrated_database(&system, "floor_r").await?,
        run.create_migrated_database(&system, "floor_b").await?,
    );
    let mut pgbench = PgbenchFloor::new(&run.servers, &template, Script::Lifecycle)?;
    let seconds = run.options.round_seconds();

    let calibration_rate = measure_payoutd(run, &system, CALIBRATION_LIFECYCLES, &mut Vec::new()).await?;
    measure_floor_server(run, &floor_server, CALIBRATION_LIFECYCLES, &mut Vec::new()).await?;
    let count = workload_size(calibration_rate, seconds);
    let mut rates = Rates::default();
    let mut cpu_times = (Vec::new(), Vec::new());
    for round in 0..run.options.rounds() {
        rates.payoutd.push(measure_payoutd(run, &system, count, &mut cpu_times.0).await?);
        rates.floor_server.push(measure_floor_server(run, &floor_server, count, &mut cpu_times.1).await?);
        pgbench_database.checkpoint().await?;
        rates.pgbench.push(pgbench.measure_changes(&pgbench_database, seconds.div_ceil(2)).await?);
        batches_database.checkpoint().await?;
        rates
            .batched_writes
            .push(batched_writes::measure_lifecycles(&batches_database, &template, count).await?);
        check::wait_until_drained(&batches_database).await?;
        rates.rabbitmq.push(rabbitmq::measure_lifecycles(&run.servers.broker, &template, count).await?);
        run.log_progress(&format!("round {}: {rates:.0?}", round + 1));
    }
    run.rows.extend(rows(&rates));
    run.max_rate = Some(median(&rates.payoutd));
    run.notes.push(format!(
        "floor R was fastest with {} clients; CPU time per lifecycle: {}; with floor F: {}",
        pgbench.best_client_count(),
        CpuTimes::format_medians(&cpu_times.0),
        CpuTimes::format_medians(&cpu_times.1),
    ));
    floor_server.tear_down().await?;
    pgbench_database.drop_database().await?;
    batches_database.drop_database().await?;
    system.tear_down().await
}

/// The number of operations that takes about `seconds` at `rate`; at least 2,000.
pub(super) fn workload_size(rate: f64, seconds: u32) -> usize {
    truncate_to_usize(rate * f64::from(seconds)).max(2_000)
}

fn rows(rates: &Rates) -> [Row; 4] {
    let lifecycles = median(&rates.payoutd);
    let row = |measure, floor, target| Row::with_floor(measure, lifecycles, "/s", floor, target);
    let changes = median(&rates.pgbench);
    [
        row("lifecycles", ("F", median(&rates.floor_server)), Target::Ratio(0.6)),
        Row::with_floor("the same, in changes", lifecycles * 3.0, "/s", ("R", changes), Target::Ratio(2.0)),
        row(
            "beside PostgreSQL alone, in batches",
            ("B", median(&rates.batched_writes)),
            Target::Informational,
        ),
        row("beside RabbitMQ alone", ("Q", median(&rates.rabbitmq)), Target::Informational),
    ]
}

/// CPU time per lifecycle, by process.
#[derive(Debug, Clone, Copy)]
pub(super) struct CpuTimes {
    program: Duration,
    postgres: Duration,
    rabbitmq: Duration,
    load: Duration,
}

impl CpuTimes {
    fn read(run: &BenchmarkRun<'_>, pid: u32) -> Result<Self> {
        Ok(Self {
            program: process_stats::cpu_time(pid),
            postgres: process_stats::cpu_time(run.servers.postgres_pid()?),
            rabbitmq: process_stats::cpu_time(run.servers.rabbitmq_pid()?),
            load: process_stats::own_cpu_time(),
        })
    }

    fn per_lifecycle_since(self, before: Self, count: usize) -> Self {
        let per_lifecycle = |after: Duration, before: Duration| {
            after.saturating_sub(before) / u32::try_from(count).unwrap_or(u32::MAX).max(1)
        };
        Self {
            program: per_lifecycle(self.program, before.program),
            postgres: per_lifecycle(self.postgres, before.postgres),
            rabbitmq: per_lifecycle(self.rabbitmq, before.rabbitmq),
            load: per_lifecycle(self.load, before.load),
        }
    }

    fn format_medians(cpu_times: &[Self]) -> String {
        let median_of = |part: fn(&Self) -> Duration| {
            let micros: Vec<f64> = cpu_times.iter().map(|times| part(times).as_secs_f64() * 1e6).collect();
            median(&micros)
        };
        format!(
            "program {:.0} µs, PostgreSQL {:.0} µs, RabbitMQ {:.0} µs, load {:.0} µs",
            median_of(|times| times.program),
            median_of(|times| times.postgres),
            median_of(|times| times.rabbitmq),
            median_of(|times| times.load),
        )
    }
}

/// Runs one round of payoutd and checks it. Returns lifecycles per second.
pub(super) async fn measure_payoutd(
    run: &BenchmarkRun<'_>,
    system: &SystemUnderTest,
    count: usize,
    cpu_times: &mut Vec<CpuTimes>,
) -> Result<f64> {
    let quotes = quotes::create(system.payoutd.api, &system.key, count).await?;
    system.database.checkpoint().await?;
    let before = CpuTimes::read(run, system.payoutd.pid)?;
    let result =
        load_generator::run_lifecycles(&system.client_config(), load_generator::SATURATING, &quotes).await?;
    cpu_times.push(CpuTimes::read(run, system.payoutd.pid)?.per_lifecycle_since(before, count));
    check::final_state(system, &result.ids).await?;
    check_count("duplicate events", i64::try_from(result.duplicates)?, 0)?;
    Ok(result.rate)
}

async fn measure_floor_server(
    run: &BenchmarkRun<'_>,
    floor_server: &FloorServer,
    count: usize,
    cpu_times: &mut Vec<CpuTimes>,
) -> Result<f64> {
    // Quote ids of the real length, so that the requests have the same size.
    let quotes: Vec<String> = (0..count).map(|at| format!("quo_{at:064x}")).collect();
    floor_server.database.checkpoint().await?;
    let before = CpuTimes::read(run, floor_server.pid)?;
    let result =
        load_generator::run_lifecycles(&floor_server.client_config(), load_generator::SATURATING, &quotes)
            .await?;
    cpu_times.push(CpuTimes::read(run, floor_server.pid)?.per_lifecycle_since(before, count));
    check::all_delivered(&floor_server.database, &result.ids).await?;
    Ok(result.rate)
}

impl SystemUnderTest {
    pub(super) fn client_config(&self) -> ClientConfig {
        ClientConfig {
            api: self.payoutd.api,
            key: self.key.clone(),
            broker: self.servers.broker.clone(),
            chain_exchange: CHAIN_EXCHANGE,
            events_queue: EVENTS_QUEUE,
        }
    }
}
