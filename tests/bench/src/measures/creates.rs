//! Creates a second: calls that are answered once the payout is committed, beside PostgreSQL with one transaction for
//! each. What is created is announced as well, to a queue that nobody reads meanwhile.

use super::Bench;
use super::lifecycles::sized;
use crate::floors::pgbench::{OneByOne, Script};
use crate::servers::Database;
use crate::system_under_test::{EVENTS_QUEUE, Site};
use crate::table::{Row, Target, median};
use crate::template::Sample;
use crate::{Fallible, check, http_load, quotes, same};

/// The more callers wait at once, the larger the batches.
const CONNECTIONS: usize = 256;
const TRIAL: usize = 3_000;
/// Each round begins with a new process: less would measure how that one warms up.
const LEAST_SECONDS: u32 = 2;

pub(super) async fn measure(bench: &mut Bench<'_>) -> Fallible<()> {
    bench.say("creates");
    let mut floor: Option<(OneByOne, Database)> = None;
    let (mut creates, mut singles) = (Vec::new(), Vec::new());
    let mut count = TRIAL;
    let seconds = (bench.options.round_seconds() / 2).max(LEAST_SECONDS);
    for round in 0..=bench.options.rounds() {
        // Each round on a database of its own: what nobody reports on is late after a while, and costs again.
        let site = Site::open(&bench.servers, &bench.binary, "creates", &[]).await?;
        if floor.is_none() {
            let sample = Sample::take(&site).await?;
            let one_by_one = OneByOne::new(&bench.servers, &sample, Script::Create)?;
            floor = Some((one_by_one, bench.migrated(&site, "creates_r").await?));
        }
        let rate = round_of(&site, count).await?;
        site.close().await?;
        if round == 0 {
            count = sized(rate, seconds);
            continue;
        }
        creates.push(rate);
        if let Some((one_by_one, database)) = &mut floor {
            database.settle().await?;
            singles.push(one_by_one.changes(database, seconds).await?);
        }
    }
    let target = Target::Ratio(4.0);
    bench.rows.push(Row::beside("creates", median(&creates), "/s", ("R", median(&singles)), target));
    match floor {
        Some((_, database)) => database.drop().await,
        None => Ok(()),
    }
}

async fn round_of(site: &Site, count: usize) -> Fallible<f64> {
    let quotes = quotes::make(site.program.api, &site.key, count).await?;
    let requests: Vec<Vec<u8>> = quotes.iter().map(|quote| quotes::execute(&site.key, quote)).collect();
    let before = site.database.number("SELECT count(*) FROM payouts").await?;
    site.database.settle().await?;
    let rate = http_load::each_once(site.program.api, &requests, 201, CONNECTIONS).await?;
    let created = "SELECT count(*) FROM payouts WHERE quote_id IS NOT NULL AND (version = 1 OR late)";
    let created = site.database.number(created).await?;
    same("payouts created", created, count)?;
    same("payouts", site.database.number("SELECT count(*) FROM payouts").await? - before, count)?;
    check::nothing_left(&site.database).await?;
    same("announcements", i64::from(site.waiting(EVENTS_QUEUE).await?), count)?;
    Ok(rate)
}
