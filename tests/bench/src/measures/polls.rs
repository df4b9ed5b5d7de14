//! Polls of live payouts over kept connections, beside a bare handler that returns the same bytes: with the whole body,
//! and with the `ETag` the client has already.

use std::time::Duration;

use uuid::Uuid;

use super::Bench;
use crate::floors::floor_server::Bare;
use crate::http_client::{self, Connection};
use crate::reports::{Kind, payout_name};
use crate::system_under_test::Site;
use crate::table::{Row, Target, median};
use crate::template::{Response, Sample};
use crate::{Fallible, check, http_load};

/// As many as there are actors for, many times over.
const PAYOUTS: usize = 1_000;

pub(super) async fn measure(bench: &mut Bench<'_>) -> Fallible<()> {
    bench.say("polls");
    let site = Site::open(&bench.servers, &bench.binary, "polls", &[]).await?;
    let mut sample = Sample::take(&site).await?;
    let ids = site.create(PAYOUTS).await?;
    site.report(&ids, Kind::Broadcast).await?;
    check::polls(&site, &ids, "broadcast", 2).await?;
    let first = http_client::get(&path(ids[0]), &site.key, "");
    sample.polled = Response::of(&Connection::open(site.program.api).await?.call(&first).await?, 200)?;
    let bare = Bare::start(&bench.servers, &sample, bench.migrated(&site, "bare").await?).await?;

    let time = Duration::from_millis(if bench.options.short { 500 } else { 6_000 });
    let plain: Vec<Vec<u8>> = ids.iter().map(|id| http_client::get(&path(*id), &site.key, "")).collect();
    let known = "if-none-match: \"2\"\r\n";
    let known: Vec<Vec<u8>> = ids.iter().map(|id| http_client::get(&path(*id), &site.key, known)).collect();
    let [mut whole, mut whole_bare, mut unchanged, mut unchanged_bare] = [const { Vec::new() }; 4];
    // Rounds are short, and a few of them more cost little.
    for _ in 0..bench.options.rounds() * 2 {
        whole.push(http_load::repeat(site.program.api, &plain, 200, time).await?);
        whole_bare.push(http_load::repeat(bare.place().api, &plain, 200, time).await?);
        unchanged.push(http_load::repeat(site.program.api, &known, 304, time).await?);
        unchanged_bare.push(http_load::repeat(bare.place().api, &known, 304, time).await?);
    }
    check::polls(&site, &ids, "broadcast", 2).await?;
    bench.rows.push(row("polls of live payouts", &whole, &whole_bare, 0.7));
    bench.rows.push(row("the same, nothing new (304)", &unchanged, &unchanged_bare, 0.85));
    bare.close().await?;
    site.close().await
}

fn path(id: Uuid) -> String {
    format!("/payouts/{}", payout_name(id))
}

fn row(measure: &str, payoutd: &[f64], bare: &[f64], least: f64) -> Row {
    Row::beside(measure, median(payoutd), "/s", ("H", median(bare)), Target::Ratio(least))
}
