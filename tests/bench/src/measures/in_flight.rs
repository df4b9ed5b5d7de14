//! Memory and restarts with very many payouts in flight, half of them pending and half of them broadcast.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::Bench;
use super::drain;
use crate::dataset::{self, State};
use crate::http_client;
use crate::process_stats;
use crate::reports::{Kind, payout_name};
use crate::system_under_test::{CHAIN_EXCHANGE, Site};
use crate::table::{Row, Target};
use crate::template::Sample;
use crate::{Fallible, check, failure, http_load};

/// Live actors, as far as memory per actor is measured: fewer than payoutd holds by default.
const LIVE: std::ops::Range<usize> = 4_000..20_000;
/// Payouts of which both reports are under way when payoutd is killed.
const UNDER_WAY: usize = 20_000;
/// Enough for all of that among the pending half.
const FEWEST: usize = 200_000;
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn measure(bench: &mut Bench<'_>) -> Fallible<()> {
    let usual = if bench.options.short { FEWEST } else { 1_000_000 };
    let count = bench.options.in_flight.unwrap_or(usual).max(FEWEST);
    bench.say(&format!("{count} payouts in flight"));
    let mut site = Site::open(&bench.servers, &bench.binary, "in_flight", &[]).await?;
    let sample = Sample::take(&site).await?;
    site.halt().await?;
    dataset::load(&site.database, &sample, 0..count / 2, State::Pending).await?;
    dataset::load(&site.database, &sample, count / 2..count, State::Broadcast).await?;
    site.resume().await?;
    memory(bench, &site, count).await?;
    restart(bench, &mut site, count).await?;
    site.close().await
}

#[expect(clippy::cast_precision_loss, reason = "sizes of processes")]
async fn memory(bench: &mut Bench<'_>, site: &Site, count: usize) -> Fallible<()> {
    let resident = || process_stats::resident(site.program.process);
    let ids = |numbers: std::ops::Range<usize>| numbers.map(dataset::id).collect::<Vec<Uuid>>();
    // What is allocated once is allocated by the first of them.
    site.report(&ids(0..LIVE.start), Kind::Broadcast).await?;
    let before = resident()?;
    site.report(&ids(LIVE), Kind::Broadcast).await?;
    let each = resident()?.saturating_sub(before) as f64 / LIVE.len() as f64 / 1_000.0;
    bench.rows.push(Row::plain("memory per live actor", each, "KB", Target::AtMost(10.0)));

    // More of them than there may be actors, and polls of others.
    site.report(&ids(LIVE.end..LIVE.end + 40_000), Kind::Broadcast).await?;
    let polled = (0..20_000).map(|at| dataset::id(count - 1 - at));
    let polls: Vec<Vec<u8>> =
        polled.map(|id| http_client::get(&format!("/payouts/{}", payout_name(id)), &site.key, "")).collect();
    http_load::each_once(site.program.api, &polls, 200, 32).await?;
    let all = resident()? as f64 / 1_000_000.0;
    let measure = format!("memory with {count} in flight");
    bench.rows.push(Row::plain(&measure, all, "MB", Target::AtMost(512.0)));
    Ok(())
}

async fn restart(bench: &mut Bench<'_>, site: &mut Site, count: usize) -> Fallible<()> {
    // Of the pending ones that nobody has reported on yet.
    let numbers = count / 2 - UNDER_WAY..count / 2;
    drain::publish(&site.servers.broker, CHAIN_EXCHANGE, &numbers).await?;
    site.program.kill().await?;
    let started = Instant::now();
    site.program = site.settings.start()?;
    site.program.ready().await?;
    let ready = started.elapsed();
    while site.program.metric("payoutd_intake_lag_seconds_count").await? < 1.0 {
        if started.elapsed() > PATIENCE {
            return Err(failure("no report is applied after a restart"));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let applied = started.elapsed();
    let ids: Vec<Uuid> = numbers.map(dataset::id).collect();
    check::eventually_moved(&site.database, &ids, Kind::Delivered).await?;
    site.silence().await?;
    check::polls(site, &ids, "delivered", 3).await?;

    // Once more with nothing to do: whatever is read now is read for the start's sake.
    site.program.kill().await?;
    let before = rows_read(site).await?;
    site.resume().await?;
    let read = rows_read(site).await? - before;
    let after_kill = |what: &str| format!("killed with {count} in flight: {what}");
    let seconds = Target::AtMost(5.0);
    bench.rows.push(Row::plain(&after_kill("ready"), ready.as_secs_f64(), "s", seconds));
    bench.rows.push(Row::plain(&after_kill("first report applied"), applied.as_secs_f64(), "s", seconds));
    let few = Target::AtMost(1_000.0);
    #[expect(clippy::cast_precision_loss, reason = "a number of rows")]
    bench.rows.push(Row::plain(&after_kill("rows read by the start"), read as f64, "rows", few));
    Ok(())
}

/// How many rows were read from the tables of payouts so far. Sessions tell within a dozen seconds.
async fn rows_read(site: &Site) -> Fallible<i64> {
    tokio::time::sleep(Duration::from_secs(12)).await;
    let read = "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint
        FROM pg_stat_user_tables WHERE relname IN ('payouts', 'journal')";
    let read = site.database.number(read).await?;
    if read > 0 { Ok(read) } else { Err(failure("PostgreSQL does not count the rows it reads")) }
}
