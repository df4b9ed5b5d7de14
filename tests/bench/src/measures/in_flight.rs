//! Memory and restart time with a large number of payouts in flight, half of them pending and half broadcast.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::BenchmarkRun;
use super::drain;
use crate::dataset::{self, Status};
use crate::http_client;
use crate::process_stats;
use crate::reports::{ReportKind, format_payout_id};
use crate::system_under_test::{CHAIN_EXCHANGE, SystemUnderTest};
use crate::table::{Row, Target};
use crate::template::Template;
use crate::{Result, check, http_load};

/// The range of actors for memory per actor. It is below payoutd's default limit of live actors.
const MEASURED_ACTORS: std::ops::Range<usize> = 4_000..20_000;
/// The number of payouts with unread reports when payoutd is killed.
const REPORTED_PAYOUTS: usize = 20_000;
/// The pending half must contain all payouts that the measures report on.
const MIN_IN_FLIGHT: usize = 200_000;
const RESTART_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) async fn measure(run: &mut BenchmarkRun<'_>) -> Result<()> {
    let default = if run.options.short { MIN_IN_FLIGHT } else { 1_000_000 };
    let count = run.options.in_flight.unwrap_or(default).max(MIN_IN_FLIGHT);
    run.log_progress(&format!("{count} payouts in flight"));
    let mut system = SystemUnderTest::set_up(&run.servers, &run.binary, "in_flight", &[]).await?;
    let template = Template::record(&system).await?;
    system.stop().await?;
    dataset::load(&system.database, &template, 0..count / 2, Status::Pending).await?;
    dataset::load(&system.database, &template, count / 2..count, Status::Broadcast).await?;
    system.start().await?;
    measure_memory(run, &system, count).await?;
    measure_restart(run, &mut system, count).await?;
    system.tear_down().await
}

#[expect(clippy::cast_precision_loss, reason = "memory sizes are below 2^53")]
async fn measure_memory(run: &mut BenchmarkRun<'_>, system: &SystemUnderTest, count: usize) -> Result<()> {
    let resident = || process_stats::resident_memory(system.payoutd.pid);
    let ids = |numbers: std::ops::Range<usize>| numbers.map(dataset::payout_id).collect::<Vec<Uuid>>();
    // The first actors include what is allocated once.
    system.apply_reports(&ids(0..MEASURED_ACTORS.start), ReportKind::Broadcast).await?;
    let before = resident()?;
    system.apply_reports(&ids(MEASURED_ACTORS), ReportKind::Broadcast).await?;
    let per_actor = resident()?.saturating_sub(before) as f64 / MEASURED_ACTORS.len() as f64 / 1_000.0;
    run.rows.push(Row::without_floor("memory per live actor", per_actor, "KB", Target::AtMost(10.0)));

    // More payouts than the limit of live actors, and polls of other payouts.
    system
        .apply_reports(&ids(MEASURED_ACTORS.end..MEASURED_ACTORS.end + 40_000), ReportKind::Broadcast)
        .await?;
    let polled = (0..20_000).map(|at| dataset::payout_id(count - 1 - at));
    let polls: Vec<Vec<u8>> = polled
        .map(|id| http_client::get(&format!("/payouts/{}", format_payout_id(id)), &system.key, ""))
        .collect();
    http_load::send_each_once(system.payoutd.api, &polls, 200, 32).await?;
    let all = resident()? as f64 / 1_000_000.0;
    let measure = format!("memory with {count} in flight");
    run.rows.push(Row::without_floor(&measure, all, "MB", Target::AtMost(512.0)));
    Ok(())
}

async fn measure_restart(
    run: &mut BenchmarkRun<'_>,
    system: &mut SystemUnderTest,
    count: usize,
) -> Result<()> {
    // Pending payouts without a report so far.
    let numbers = count / 2 - REPORTED_PAYOUTS..count / 2;
    drain::publish_interleaved(&system.servers.broker, CHAIN_EXCHANGE, &numbers).await?;
    system.payoutd.kill().await?;
    let started = Instant::now();
    system.payoutd = system.command.start()?;
    system.payoutd.wait_until_ready().await?;
    let ready = started.elapsed();
    while system.payoutd.metric("payoutd_intake_lag_seconds_count").await? < 1.0 {
        if started.elapsed() > RESTART_TIMEOUT {
            return Err("no report is applied before the timeout".into());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let applied = started.elapsed();
    let ids: Vec<Uuid> = numbers.map(dataset::payout_id).collect();
    check::wait_until_applied(&system.database, &ids, ReportKind::Delivered).await?;
    system.discard_events().await?;
    check::poll_responses(system, &ids, "delivered", 3).await?;

    // A restart without reports: rows read now are read by the start itself.
    system.payoutd.kill().await?;
    let before = rows_read(system).await?;
    system.start().await?;
    let read = rows_read(system).await? - before;
    let measure = |what: &str| format!("killed with {count} in flight: {what}");
    let seconds = Target::AtMost(5.0);
    run.rows.push(Row::without_floor(&measure("ready"), ready.as_secs_f64(), "s", seconds));
    run.rows.push(Row::without_floor(&measure("first report applied"), applied.as_secs_f64(), "s", seconds));
    let target = Target::AtMost(1_000.0);
    #[expect(clippy::cast_precision_loss, reason = "row counts are below 2^53")]
    run.rows.push(Row::without_floor(&measure("rows read by the start"), read as f64, "rows", target));
    Ok(())
}

/// Rows read from the payout tables so far. PostgreSQL sessions publish their statistics within twelve
/// seconds.
async fn rows_read(system: &SystemUnderTest) -> Result<i64> {
    tokio::time::sleep(Duration::from_secs(12)).await;
    let read = "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint
        FROM pg_stat_user_tables WHERE relname IN ('payouts', 'journal')";
    let read = system.database.query_number(read).await?;
    if read > 0 { Ok(read) } else { Err("PostgreSQL does not count rows read".into()) }
}
