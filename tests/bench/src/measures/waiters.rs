//! Lifecycles with a large number of held requests: half long polls, half event streams, each on its own
//! payout that does not change. The same payoutd runs with and without them, in alternating rounds.

use tokio::task::JoinSet;
use tokio::time::{Duration, sleep};

use super::BenchmarkRun;
use super::lifecycles::{measure_payoutd, workload_size};
use crate::dataset::{self, Status};
use crate::http_client::{self, Connection};
use crate::reports::format_payout_id;
use crate::system_under_test::SystemUnderTest;
use crate::table::{Row, Target, median};
use crate::template::Template;
use crate::{Result, check_count, truncate_to_usize};

const SETTINGS: [(&str, &str); 3] = [
    ("PAYOUTD_HTTP__MAX_CONNECTIONS", "24000"),
    ("PAYOUTD_WAITING__MAX_HELD", "11000"),
    ("PAYOUTD_WAITING__MAX_HELD_PER_KEY", "11000"),
];

pub(super) async fn measure(run: &mut BenchmarkRun<'_>) -> Result<()> {
    let count = if run.options.short { 2_000 } else { 10_000 };
    run.log_progress("waiters");
    let system = SystemUnderTest::set_up(&run.servers, &run.binary, "waiters", &SETTINGS).await?;
    let template = Template::record(&system).await?;
    dataset::load(&system.database, &template, 0..count, Status::Pending).await?;
    let calibration_rate = measure_payoutd(run, &system, 4_000, &mut Vec::new()).await?;
    let lifecycles = workload_size(calibration_rate, run.options.round_seconds());
    let (mut with_waiters, mut without_waiters) = (Vec::new(), Vec::new());
    for _ in 0..run.options.rounds() {
        without_waiters.push(measure_payoutd(run, &system, lifecycles, &mut Vec::new()).await?);
        let mut waiters = open_waiters(&system, count).await?;
        wait_for_held_requests(&system, count).await?;
        with_waiters.push(measure_payoutd(run, &system, lifecycles, &mut Vec::new()).await?);
        wait_for_held_requests(&system, count).await?;
        if let Some(ended) = waiters.try_join_next() {
            return Err(format!("a waiter ended: {ended:?}").into());
        }
        waiters.shutdown().await;
        wait_for_held_requests(&system, 0).await?;
    }
    let measure = format!("lifecycles with {count} waiters");
    let floor = ("without", median(&without_waiters));
    run.rows.push(Row::with_floor(&measure, median(&with_waiters), "/s", floor, Target::Ratio(0.95)));
    system.tear_down().await
}

async fn open_waiters(system: &SystemUnderTest, count: usize) -> Result<JoinSet<Result<()>>> {
    let mut waiters = JoinSet::new();
    for number in 0..count {
        let name = format_payout_id(dataset::payout_id(number));
        let connection = Connection::open(system.payoutd.api).await?;
        if number % 2 == 0 {
            let path = format!("/payouts/{name}?wait=60&after_sequence=1");
            waiters.spawn_local(repeat_poll(connection, http_client::get(&path, &system.key, "")));
        } else {
            let path = format!("/payouts/{name}/events");
            waiters.spawn_local(read_stream(
                connection,
                http_client::get(&path, &system.key, "last-event-id: 1\r\n"),
            ));
        }
        // No more connections at once than the listen queue holds.
        if number % 100 == 99 {
            sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(waiters)
}

/// Sends the long poll again after each timeout.
async fn repeat_poll(mut connection: Connection, request: Vec<u8>) -> Result<()> {
    loop {
        let response = connection.call(&request).await?;
        if response.status != 200 {
            return Err(format!("unexpected status of a long poll: {}", response.status).into());
        }
    }
}

async fn read_stream(mut connection: Connection, request: Vec<u8>) -> Result<()> {
    connection.send(&request).await?;
    connection.head().await?;
    if http_client::status(connection.received())? != 200 {
        return Err("an event stream was rejected".into());
    }
    loop {
        connection.read_more().await?;
        connection.clear();
    }
}

/// Waits until payoutd holds about `count` requests.
async fn wait_for_held_requests(system: &SystemUnderTest, count: usize) -> Result<()> {
    let mut found = 0;
    for _ in 0..600 {
        found = truncate_to_usize(system.payoutd.metric("payoutd_http_held_requests").await?);
        // A long poll is briefly not held between its timeout and its repetition.
        if found.abs_diff(count) <= count / 100 {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    check_count("requests held", i64::try_from(found)?, count)
}
