//! Lifecycles with a large number of finished payouts, compared with an empty database. payoutd runs on one
//! of the two databases at a time, in alternating rounds.

use super::BenchmarkRun;
use super::lifecycles::{measure_payoutd, workload_size};
use crate::dataset::{self, Status};
use crate::system_under_test::SystemUnderTest;
use crate::table::{Row, Target, median};
use crate::template::Template;
use crate::{Result, check};

pub(super) async fn measure(run: &mut BenchmarkRun<'_>) -> Result<()> {
    let default = if run.options.short { 200_000 } else { 10_000_000 };
    let finished = run.options.finished.unwrap_or(default);
    run.log_progress("growth");
    let mut empty = SystemUnderTest::set_up(&run.servers, &run.binary, "empty", &[]).await?;
    let calibration_rate = measure_payoutd(run, &empty, 4_000, &mut Vec::new()).await?;
    empty.stop().await?;
    let mut full = SystemUnderTest::set_up(&run.servers, &run.binary, "full", &[]).await?;
    let template = Template::record(&full).await?;
    run.log_progress("loading finished payouts");
    dataset::load(&full.database, &template, 0..finished, Status::Delivered).await?;
    full.database.execute("VACUUM (ANALYZE) payouts").await?;
    full.database.execute("VACUUM (ANALYZE) journal").await?;
    check::poll_responses(
        &full,
        &[dataset::payout_id(0), dataset::payout_id(finished / 2), dataset::payout_id(finished - 1)],
        "delivered",
        3,
    )
    .await?;
    full.stop().await?;

    run.log_progress("loaded: no other load should run on this machine now");
    let count = workload_size(calibration_rate, run.options.round_seconds());
    let (mut full_rates, mut empty_rates) = (Vec::new(), Vec::new());
    for _ in 0..run.options.rounds() {
        for (system, rates) in [(&mut empty, &mut empty_rates), (&mut full, &mut full_rates)] {
            system.start().await?;
            rates.push(measure_payoutd(run, system, count, &mut Vec::new()).await?);
            system.stop().await?;
        }
    }
    let measure = format!("lifecycles with {finished} finished payouts");
    let floor = ("empty", median(&empty_rates));
    run.rows.push(Row::with_floor(&measure, median(&full_rates), "/s", floor, Target::Ratio(0.85)));
    run.notes.push(format!(
        "growth: {finished} finished payouts take {} of disk space",
        database_size(&full).await?
    ));
    empty.database.drop_database().await?;
    full.database.drop_database().await
}

async fn database_size(system: &SystemUnderTest) -> Result<String> {
    let mut connection = system.database.connect().await?;
    let size = "SELECT pg_size_pretty(pg_database_size(current_database()))";
    Ok(sqlx::query_scalar(size).fetch_one(&mut connection).await?)
}
