//! From a report's publication to its effect in a poll, at a quarter of the highest rate.
//!
//! An open loop: lifecycles begin, and the reports that are watched are published, when their time has come, whatever
//! became of those before; and every latency is counted from the time at which the report was to be published. A poll
//! is a long poll (`?wait=&after_sequence=`), opened a little before: it is answered with what any poll would show.

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

/// Reports watched a second, each by a poll of its own.
const WATCHED_PER_SECOND: usize = 100;
/// How long before the report its poll is opened.
const POLL_LEAD_TIME: Duration = Duration::from_millis(150);
/// How long after the first report of a payout the second one comes.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);
/// The loop runs before anything is watched.
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
    // What was announced of the watched ones after the load had ended.
    system.discard_events().await?;
    check::final_state(&system, &result.ids).await?;
    check::all_delivered(&system.database, &watched).await?;
    let latencies = latencies.into_inner();
    check_count("latencies", i64::try_from(latencies.len())?, watched.len() * 2)?;
    run.rows.extend(percentile_rows(&latencies));
    run.notes.push(format!(
        "latency: {} reports watched at {WATCHED_PER_SECOND} a second by long polls, beside {arrival_rate:.0} lifecycles a second",
        latencies.len()
    ));
    let count = truncate_to_usize(arrival_rate * f64::from(seconds));
    let rabbitmq_latencies =
        rabbitmq::measure_delivery_latency(&run.servers.broker, &template, arrival_rate, count).await?;
    run.notes.push(format!(
        "latency: through RabbitMQ alone, with nothing else running, half of the reports take {:.2} ms, and 99 % up to {:.2} ms",
        millis(&rabbitmq_latencies, 0.5),
        millis(&rabbitmq_latencies, 0.99)
    ));
    system.tear_down().await
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of less than a minute")]
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

/// Watches two reports of each payout.
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
            return Err(format!("a poll was answered with {body}").into());
        }
        latencies.borrow_mut().record(micros.max(1))?;
    }
    Ok(())
}
