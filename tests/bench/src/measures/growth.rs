//! Lifecycles with very many finished payouts stored, beside the same with none. Two databases, and payoutd on one of
//! them at a time, in turns.

use super::Bench;
use super::lifecycles::{payoutd_round, sized};
use crate::dataset::{self, State};
use crate::system_under_test::Site;
use crate::table::{Row, Target, median};
use crate::template::Sample;
use crate::{Fallible, check};

pub(super) async fn measure(bench: &mut Bench<'_>) -> Fallible<()> {
    let usual = if bench.options.short { 200_000 } else { 10_000_000 };
    let finished = bench.options.finished.unwrap_or(usual);
    bench.say("growth");
    let mut empty = Site::open(&bench.servers, &bench.binary, "empty", &[]).await?;
    let trial = payoutd_round(bench, &empty, 4_000, &mut Vec::new()).await?;
    empty.halt().await?;
    let mut full = Site::open(&bench.servers, &bench.binary, "full", &[]).await?;
    let sample = Sample::take(&full).await?;
    bench.say("loading finished payouts");
    dataset::load(&full.database, &sample, 0..finished, State::Delivered).await?;
    full.database.run("VACUUM (ANALYZE) payouts").await?;
    full.database.run("VACUUM (ANALYZE) journal").await?;
    check::polls(
        &full,
        &[dataset::id(0), dataset::id(finished / 2), dataset::id(finished - 1)],
        "delivered",
        3,
    )
    .await?;
    full.halt().await?;

    bench.say("loaded: nothing else should run from here on");
    let count = sized(trial, bench.options.round_seconds());
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..bench.options.rounds() {
        for (site, rates) in [(&mut empty, &mut without), (&mut full, &mut with)] {
            site.resume().await?;
            rates.push(payoutd_round(bench, site, count, &mut Vec::new()).await?);
            site.halt().await?;
        }
    }
    let measure = format!("lifecycles with {finished} finished payouts");
    let floor = ("empty", median(&without));
    bench.rows.push(Row::beside(&measure, median(&with), "/s", floor, Target::Ratio(0.85)));
    bench.notes.push(format!("growth: {finished} finished payouts take {} of the disk", size(&full).await?));
    empty.database.drop().await?;
    full.database.drop().await
}

async fn size(site: &Site) -> Fallible<String> {
    let mut connection = site.database.connect().await?;
    let size = "SELECT pg_size_pretty(pg_database_size(current_database()))";
    Ok(sqlx::query_scalar(size).fetch_one(&mut connection).await?)
}
