//! Lifecycles while very many requests wait: half of them long polls, half event streams, each for a payout of its own
//! that does not move. The same payoutd with and without them, in turns.

use tokio::task::JoinSet;
use tokio::time::{Duration, sleep};

use super::Bench;
use super::lifecycles::{payoutd_round, sized};
use crate::dataset::{self, State};
use crate::http_client::{self, Connection};
use crate::reports::payout_name;
use crate::system_under_test::Site;
use crate::table::{Row, Target, median};
use crate::template::Sample;
use crate::{Fallible, failure, same};

const SETTINGS: [(&str, &str); 3] = [
    ("PAYOUTD_HTTP__MAX_CONNECTIONS", "24000"),
    ("PAYOUTD_WAITING__MAX_HELD", "11000"),
    ("PAYOUTD_WAITING__MAX_HELD_PER_KEY", "11000"),
];

pub(super) async fn measure(bench: &mut Bench<'_>) -> Fallible<()> {
    let count = if bench.options.short { 2_000 } else { 10_000 };
    bench.say("waiters");
    let site = Site::open(&bench.servers, &bench.binary, "waiters", &SETTINGS).await?;
    let sample = Sample::take(&site).await?;
    dataset::load(&site.database, &sample, 0..count, State::Pending).await?;
    let trial = payoutd_round(bench, &site, 4_000, &mut Vec::new()).await?;
    let lifecycles = sized(trial, bench.options.round_seconds());
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..bench.options.rounds() {
        without.push(payoutd_round(bench, &site, lifecycles, &mut Vec::new()).await?);
        let mut waiters = wait(&site, count).await?;
        held(&site, count).await?;
        with.push(payoutd_round(bench, &site, lifecycles, &mut Vec::new()).await?);
        held(&site, count).await?;
        if let Some(ended) = waiters.try_join_next() {
            return Err(format!("a waiter ended: {ended:?}").into());
        }
        waiters.shutdown().await;
        held(&site, 0).await?;
    }
    let measure = format!("lifecycles with {count} waiters");
    let floor = ("without", median(&without));
    bench.rows.push(Row::beside(&measure, median(&with), "/s", floor, Target::Ratio(0.95)));
    site.close().await
}

async fn wait(site: &Site, count: usize) -> Fallible<JoinSet<Fallible<()>>> {
    let mut waiters = JoinSet::new();
    for number in 0..count {
        let name = payout_name(dataset::id(number));
        let connection = Connection::open(site.program.api).await?;
        if number % 2 == 0 {
            let path = format!("/payouts/{name}?wait=60&after_sequence=1");
            waiters.spawn_local(poll(connection, http_client::get(&path, &site.key, "")));
        } else {
            let path = format!("/payouts/{name}/events");
            waiters
                .spawn_local(stream(connection, http_client::get(&path, &site.key, "last-event-id: 1\r\n")));
        }
        // Not more at once than a listener's queue holds.
        if number % 100 == 99 {
            sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(waiters)
}

/// Waits again whenever the time is over.
async fn poll(mut connection: Connection, request: Vec<u8>) -> Fallible<()> {
    loop {
        let answer = connection.call(&request).await?;
        if answer.status != 200 {
            return Err(format!("a long poll was answered with {}", answer.status).into());
        }
    }
}

async fn stream(mut connection: Connection, request: Vec<u8>) -> Fallible<()> {
    connection.send(&request).await?;
    connection.head().await?;
    if http_client::status(connection.arrived())? != 200 {
        return Err(failure("an event stream was refused"));
    }
    loop {
        connection.more().await?;
        connection.forget();
    }
}

/// Waits until payoutd holds so many requests.
async fn held(site: &Site, count: usize) -> Fallible<()> {
    let mut found = 0;
    for _ in 0..600 {
        found = crate::load_generator::whole(site.program.metric("payoutd_http_held_requests").await?);
        // A long poll that was just answered comes again at once.
        if found.abs_diff(count) <= count / 100 {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    same("requests held", i64::try_from(found)?, count)
}
