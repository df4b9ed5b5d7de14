//! Creates per second, each answered after its commit, compared with floor R. The events go to a queue that
//! has no consumer during the round.

use super::BenchmarkRun;
use super::lifecycles::workload_size;
use crate::floors::pgbench::{PgbenchFloor, Script};
use crate::servers::Database;
use crate::system_under_test::{EVENTS_QUEUE, SystemUnderTest};
use crate::table::{Row, Target, median};
use crate::template::Template;
use crate::{Result, check, check_count, http_load, quotes};

/// Larger batches need more concurrent requests.
const CONNECTIONS: usize = 256;
const CALIBRATION_CREATES: usize = 3_000;
/// A round starts a new process, so a shorter one measures warm-up.
const MIN_ROUND_SECONDS: u32 = 2;

pub(super) async fn measure(run: &mut BenchmarkRun<'_>) -> Result<()> {
    run.log_progress("creates");
    let mut floor: Option<(PgbenchFloor, Database)> = None;
    let (mut rates, mut floor_rates) = (Vec::new(), Vec::new());
    let mut count = CALIBRATION_CREATES;
    let seconds = (run.options.round_seconds() / 2).max(MIN_ROUND_SECONDS);
    for round in 0..=run.options.rounds() {
        // A fresh database per round: payouts without reports become late, which causes writes.
        let system = SystemUnderTest::set_up(&run.servers, &run.binary, "creates", &[]).await?;
        if floor.is_none() {
            let template = Template::record(&system).await?;
            let pgbench = PgbenchFloor::new(&run.servers, &template, Script::Create)?;
            floor = Some((pgbench, run.create_migrated_database(&system, "creates_floor_r").await?));
        }
        let rate = measure_round(&system, count).await?;
        system.tear_down().await?;
        if round == 0 {
            count = workload_size(rate, seconds);
            continue;
        }
        rates.push(rate);
        if let Some((pgbench, database)) = &mut floor {
            database.checkpoint().await?;
            floor_rates.push(pgbench.measure_changes(database, seconds).await?);
        }
    }
    let target = Target::Ratio(4.0);
    run.rows.push(Row::with_floor("creates", median(&rates), "/s", ("R", median(&floor_rates)), target));
    match floor {
        Some((_, database)) => database.drop_database().await,
        None => Ok(()),
    }
}

async fn measure_round(system: &SystemUnderTest, count: usize) -> Result<f64> {
    let quotes = quotes::create(system.payoutd.api, &system.key, count).await?;
    let requests: Vec<Vec<u8>> =
        quotes.iter().map(|quote| quotes::execute_request(&system.key, quote)).collect();
    let before = system.database.query_number("SELECT count(*) FROM payouts").await?;
    system.database.checkpoint().await?;
    let rate = http_load::send_each_once(system.payoutd.api, &requests, 201, CONNECTIONS).await?;
    let created = "SELECT count(*) FROM payouts WHERE quote_id IS NOT NULL AND (version = 1 OR late)";
    let created = system.database.query_number(created).await?;
    check_count("payouts created", created, count)?;
    check_count(
        "payouts",
        system.database.query_number("SELECT count(*) FROM payouts").await? - before,
        count,
    )?;
    check::wait_until_drained(&system.database).await?;
    check_count("events", i64::from(system.queue_length(EVENTS_QUEUE).await?), count)?;
    Ok(rate)
}
