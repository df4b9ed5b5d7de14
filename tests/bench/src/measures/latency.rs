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

use super::Bench;
use super::lifecycles::payoutd_round;
use crate::amqp::Outgoing;
use crate::floors::rabbitmq;
use crate::http_client::{self, Connection};
use crate::load_generator::{self, Shape, whole};
use crate::reports::{Kind, Reports, payout_name};
use crate::system_under_test::{CHAIN_EXCHANGE, Site};
use crate::table::{Row, Target};
use crate::template::Sample;
use crate::{Fallible, check, quotes, same};

/// Reports watched a second, each by a poll of its own.
const WATCHED: usize = 100;
/// How long before the report its poll is opened.
const AHEAD: Duration = Duration::from_millis(150);
/// How long after the first report of a payout the second one comes.
const APART: Duration = Duration::from_millis(500);
/// The loop runs before anything is watched.
const WARM_UP: Duration = Duration::from_secs(2);

pub(super) async fn measure(bench: &mut Bench<'_>) -> Fallible<()> {
    bench.say("latency");
    let site = Site::open(&bench.servers, &bench.binary, "latency", &[]).await?;
    let sample = Sample::take(&site).await?;
    let highest = match bench.highest_rate {
        Some(rate) => rate,
        None => payoutd_round(bench, &site, 6_000, &mut Vec::new()).await?,
    };
    let seconds = if bench.options.short { 5 } else { 60 };
    let pace = highest / 4.0;
    let load_quotes = quotes::make(site.program.api, &site.key, whole(pace * f64::from(seconds + 3))).await?;
    let watched = site.create(WATCHED * usize::try_from(seconds)? / 2).await?;
    site.database.settle().await?;

    let seen = RefCell::new(Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?);
    let place = site.place();
    let shape = Shape { pace: Some(pace), ..load_generator::FULL };
    let (lived, ()) =
        tokio::try_join!(load_generator::live(&place, shape, &load_quotes), watch(&site, &watched, &seen))?;
    // What was announced of the watched ones after the load had ended.
    site.silence().await?;
    check::site(&site, &lived.ids).await?;
    check::delivered(&site.database, &watched).await?;
    let seen = seen.into_inner();
    same("latencies", i64::try_from(seen.len())?, watched.len() * 2)?;
    bench.rows.extend(rows(&seen));
    bench.notes.push(format!(
        "latency: {} reports watched at {WATCHED} a second by long polls, beside {pace:.0} lifecycles a second",
        seen.len()
    ));
    let count = whole(pace * f64::from(seconds));
    let floor = rabbitmq::on_the_way(&bench.servers.broker, &sample, pace, count).await?;
    bench.notes.push(format!(
        "latency: through RabbitMQ alone, with nothing else running, half of the reports take {:.2} ms, and 99 % up to {:.2} ms",
        millis(&floor, 0.5),
        millis(&floor, 0.99)
    ));
    site.close().await
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of less than a minute")]
fn millis(times: &Histogram<u64>, quantile: f64) -> f64 {
    times.value_at_quantile(quantile) as f64 / 1_000.0
}

fn rows(seen: &Histogram<u64>) -> [Row; 3] {
    let at = |quantile| millis(seen, quantile);
    [
        Row::plain("report to poll, p50", at(0.5), "ms", Target::AtMost(5.0)),
        Row::plain("report to poll, p99", at(0.99), "ms", Target::AtMost(25.0)),
        Row::plain("report to poll, p99.9", at(0.999), "ms", Target::Reported),
    ]
}

/// Watches two reports of each payout.
async fn watch(site: &Site, payouts: &[Uuid], seen: &RefCell<Histogram<u64>>) -> Fallible<()> {
    let (outgoing, mut confirms) = site.servers.broker.connect().await?.publishing().await?.split();
    let started = Instant::now() + WARM_UP;
    let each = Duration::from_secs(2) / u32::try_from(WATCHED)?;
    let mut due = started;
    let watching = payouts.iter().map(|id| {
        let first = due;
        due += each;
        watch_one(site, *id, first, &outgoing, seen)
    });
    let watching = try_join_all(watching.collect::<Vec<_>>());
    let confirming = async {
        let mut tally = crate::amqp::Tally::default();
        loop {
            confirms.confirms(&mut tally).await?;
        }
    };
    tokio::select! {
        done = watching => done.map(drop),
        lost = confirming => lost,
    }
}

async fn watch_one(
    site: &Site,
    id: Uuid,
    first: Instant,
    outgoing: &Outgoing,
    seen: &RefCell<Histogram<u64>>,
) -> Fallible<()> {
    sleep_until(first - AHEAD).await;
    let mut connection = Connection::open(site.program.api).await?;
    for (kind, due) in Kind::BOTH.into_iter().zip([first, first + APART]) {
        let after = match kind {
            Kind::Broadcast => 1,
            Kind::Delivered => 2,
        };
        let path = format!("/payouts/{}?wait=30&after_sequence={after}", payout_name(id));
        let request = http_client::get(&path, &site.key, "");
        sleep_until(due - AHEAD).await;
        let publish = async {
            sleep_until(due).await;
            let body = Reports::new().body(id, kind);
            outgoing.publish(CHAIN_EXCHANGE, &payout_name(id), "", body.as_bytes());
            Ok(())
        };
        let (answer, ()) = tokio::try_join!(connection.call(&request), publish)?;
        let micros = u64::try_from(due.elapsed().as_micros())?;
        let body: serde_json::Value = serde_json::from_slice(answer.body)?;
        if body["sequence"] != after + 1 {
            return Err(format!("a poll was answered with {body}").into());
        }
        seen.borrow_mut().record(micros.max(1))?;
    }
    Ok(())
}
