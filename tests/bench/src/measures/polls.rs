//! Polls of live payouts over keep-alive connections, compared with floor H: responses with a body, and 304
//! responses to the current `ETag`.

use std::time::Duration;

use uuid::Uuid;

use super::BenchmarkRun;
use crate::floors::floor_server::FloorServer;
use crate::http_client::{self, Connection};
use crate::reports::{ReportKind, format_payout_id};
use crate::system_under_test::SystemUnderTest;
use crate::table::{Row, Target, median};
use crate::template::{RecordedResponse, Template};
use crate::{Result, check, http_load};

/// Far below the limit of live actors, so that every payout stays live.
const PAYOUTS: usize = 1_000;

pub(super) async fn measure(run: &mut BenchmarkRun<'_>) -> Result<()> {
    run.log_progress("polls");
    let system = SystemUnderTest::set_up(&run.servers, &run.binary, "polls", &[]).await?;
    let mut template = Template::record(&system).await?;
    let ids = system.create_payouts(PAYOUTS).await?;
    system.apply_reports(&ids, ReportKind::Broadcast).await?;
    check::poll_responses(&system, &ids, "broadcast", 2).await?;
    let first = http_client::get(&path(ids[0]), &system.key, "");
    template.poll_response = RecordedResponse::from_response(
        &Connection::open(system.payoutd.api).await?.call(&first).await?,
        200,
    )?;
    let floor_server =
        FloorServer::start(&run.servers, &template, run.create_migrated_database(&system, "floor_f").await?)
            .await?;

    let time = Duration::from_millis(if run.options.short { 500 } else { 6_000 });
    let unconditional: Vec<Vec<u8>> =
        ids.iter().map(|id| http_client::get(&path(*id), &system.key, "")).collect();
    let conditional = "if-none-match: \"2\"\r\n";
    let conditional: Vec<Vec<u8>> =
        ids.iter().map(|id| http_client::get(&path(*id), &system.key, conditional)).collect();
    let [mut rates, mut floor_rates, mut not_modified_rates, mut floor_not_modified_rates] =
        [const { Vec::new() }; 4];
    // Rounds are short, so more of them cost little.
    for _ in 0..run.options.rounds() * 2 {
        rates.push(http_load::repeat_for(system.payoutd.api, &unconditional, 200, time).await?);
        floor_rates
            .push(http_load::repeat_for(floor_server.client_config().api, &unconditional, 200, time).await?);
        not_modified_rates.push(http_load::repeat_for(system.payoutd.api, &conditional, 304, time).await?);
        floor_not_modified_rates
            .push(http_load::repeat_for(floor_server.client_config().api, &conditional, 304, time).await?);
    }
    check::poll_responses(&system, &ids, "broadcast", 2).await?;
    run.rows.push(row("polls of live payouts", &rates, &floor_rates, 0.7));
    run.rows.push(row("the same, nothing new (304)", &not_modified_rates, &floor_not_modified_rates, 0.85));
    floor_server.tear_down().await?;
    system.tear_down().await
}

fn path(id: Uuid) -> String {
    format!("/payouts/{}", format_payout_id(id))
}

fn row(measure: &str, payoutd: &[f64], floor_server: &[f64], min_ratio: f64) -> Row {
    Row::with_floor(measure, median(payoutd), "/s", ("H", median(floor_server)), Target::Ratio(min_ratio))
}
