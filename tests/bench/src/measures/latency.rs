//! The latency from the publication of a report to the response of a long poll, at a quarter of the highest
//! rate.
//!
//! The load is an open loop: lifecycles start and reports are published on schedule. A latency counts from
//! the scheduled publication, which avoids coordinated omission. The long poll (`?wait=&after_sequence=`)
//! opens before the report.

use std::cell::RefCell;
use std::time::Duration;

use futures_util::future::try_join_all;
use hdrhistogram::Histogram;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::BenchmarkRun;
use super::lifecycles::measure_payoutd;
use crate::amqp::ChannelWriter;
use crate::floors::rabbitmq;
use crate::http_client::{self, Connection};
use crate::load_generator::{self, LoadProfile};
use crate::reports::{ReportKind, ReportRenderer, format_payout_id};
use crate::system_under_test::{CHAIN_EXCHANGE, SystemUnderTest};
use crate::table::{Row, Target};
use crate::template::Template;
use crate::{Result, check, check_count, quotes, truncate_to_usize};

/// Watched reports per second, each with its own poll.
const WATCHED_PER_SECOND: usize = 100;
/// The time from opening the poll to the report.
const POLL_LEAD_TIME: Duration = Duration::from_millis(150);
/// The time between the two reports of a payout.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);
/// The load runs this long before the first watched report.
const WARM_UP: Duration = Duration::from_secs(2);

pub(super) async fn measure(run: &mut BenchmarkRun<'_>) -> Result<()> {
    run.log_progress("latency");
    let system = SystemUnderTest::set_up(&run.servers, &run.binary, "latency", &[]).await?;
    let template = Template::record(&system).await?;
    let max_rate = match run.max_rate {
        Some(rate) => rate,
        None => measure_payoutd(run, &system, 6_000, &mut Vec::new()).await?,
    };
    let seconds = if run.options.short { 5 } else { 60 };
    let arrival_rate = max_rate / 4.0;
    let load_quotes = quotes::create(
        system.payoutd.api,
        &system.key,
        truncate_to_usize(arrival_rate * f64::from(seconds + 3)),
    )
    .await?;
    let watched = system.create_payouts(WATCHED_PER_SECOND * usize::try_from(seconds)? / 2).await?;
    system.database.checkpoint().await?;

    let latencies = RefCell::new(Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?);
    let client_config = system.client_config();
    let profile = LoadProfile { arrival_rate: Some(arrival_rate), ..load_generator::SATURATING };
    let (result, ()) = tokio::try_join!(
        load_generator::run_lifecycles(&client_config, profile, &load_quotes),
        watch(&system, &watched, &latencies)
    )?;
    // Discards the events of watched payouts that arrived after the load ended.
    system.discard_events().await?;
    check::final_state(&system, &result.ids).await?;
    check::all_delivered(&system.database, &watched).await?;
    let latencies = latencies.into_inner();
    check_count("latencies", i64::try_from(latencies.len())?, watched.len() * 2)?;
    run.rows.extend(percentile_rows(&latencies));
    run.notes.push(format!(
        "latency: {} reports watched by long polls at {WATCHED_PER_SECOND} per second, under a load of {arrival_rate:.0} lifecycles per second",
        latencies.len()
    ));
    let count = truncate_to_usize(arrival_rate * f64::from(seconds));
    let rabbitmq_latencies =
        rabbitmq::measure_delivery_latency(&run.servers.broker, &template, arrival_rate, count).await?;
    run.notes.push(format!(
        "latency: through RabbitMQ alone, with no other load, p50 is {:.2} ms and p99 is {:.2} ms",
        millis(&rabbitmq_latencies, 0.5),
        millis(&rabbitmq_latencies, 0.99)
    ));
    system.tear_down().await
}

#[expect(clippy::cast_precision_loss, reason = "latencies are below one minute")]
fn millis(times: &Histogram<u64>, quantile: f64) -> f64 {
    times.value_at_quantile(quantile) as f64 / 1_000.0
}

fn percentile_rows(latencies: &Histogram<u64>) -> [Row; 3] {
    let at = |quantile| millis(latencies, quantile);
    [
        Row::without_floor("report to poll, p50", at(0.5), "ms", Target::AtMost(5.0)),
        Row::without_floor("report to poll, p99", at(0.99), "ms", Target::AtMost(25.0)),
        Row::without_floor("report to poll, p99.9", at(0.999), "ms", Target::Informational),
    ]
}

/// Measures two reports of each payout.
async fn watch(
    system: &SystemUnderTest,
    payouts: &[Uuid],
    latencies: &RefCell<Histogram<u64>>,
) -> Result<()> {
    let (writer, mut confirms) = system.servers.broker.connect().await?.into_publisher().await?;
    let start = Instant::now() + WARM_UP;
    let payout_interval = Duration::from_secs(2) / u32::try_from(WATCHED_PER_SECOND)?;
    let mut due = start;
    let watching = payouts.iter().map(|id| {
        let first_due = due;
        due += payout_interval;
        watch_payout(system, *id, first_due, &writer, latencies)
    });
    let watching = try_join_all(watching.collect::<Vec<_>>());
    let confirming = async {
        let mut tracker = crate::amqp::ConfirmTracker::default();
        loop {
            confirms.read_confirms(&mut tracker).await?;
        }
    };
    tokio::select! {
        finished = watching => finished.map(drop),
        ended = confirming => ended,
    }
}

async fn watch_payout(
    system: &SystemUnderTest,
    id: Uuid,
    first_due: Instant,
    writer: &ChannelWriter,
    latencies: &RefCell<Histogram<u64>>,
) -> Result<()> {
    sleep_until(first_due - POLL_LEAD_TIME).await;
    let mut connection = Connection::open(system.payoutd.api).await?;
    for (kind, due) in ReportKind::ALL.into_iter().zip([first_due, first_due + REPORT_INTERVAL]) {
        let after = match kind {
            ReportKind::Broadcast => 1,
            ReportKind::Delivered => 2,
        };
        let path = format!("/payouts/{}?wait=30&after_sequence={after}", format_payout_id(id));
        let request = http_client::get(&path, &system.key, "");
        sleep_until(due - POLL_LEAD_TIME).await;
        let publish = async {
            sleep_until(due).await;
            let body = ReportRenderer::new().render(id, kind);
            writer.publish(CHAIN_EXCHANGE, &format_payout_id(id), "", body.as_bytes());
            Ok(())
        };
        let (response, ()) = tokio::try_join!(connection.call(&request), publish)?;
        let micros = u64::try_from(due.elapsed().as_micros())?;
        let body: serde_json::Value = serde_json::from_slice(response.body)?;
        if body["sequence"] != after + 1 {
            return Err(format!("unexpected response to a long poll: {body}").into());
        }
        latencies.borrow_mut().record(micros.max(1))?;
    }
    Ok(())
}
