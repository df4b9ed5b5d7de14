//! Lifecycles with a large number of webhook endpoints. The endpoints of other organisations receive no
//! webhook of these payouts; one endpoint of the partner receives all. One payoutd, in alternating rounds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use tokio::net::TcpListener;

use super::BenchmarkRun;
use super::lifecycles::measure_payoutd;
use crate::http_client::{self, Connection};
use crate::system_under_test::SystemUnderTest;
use crate::table::{Row, Target, median};
use crate::{Result, per_second};

const SETTINGS: [(&str, &str); 2] =
    [("PAYOUTD_WEBHOOKS__ALLOW_INSECURE", "true"), ("PAYOUTD_WEBHOOKS__ALLOW_PRIVATE_ADDRESSES", "true")];
/// Small enough that all webhooks are delivered soon.
const LIFECYCLES: usize = 4_000;
/// Two webhooks per lifecycle: the creation of a payout sends none.
const WEBHOOKS: usize = LIFECYCLES * 2;
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(300);

pub(super) async fn measure(run: &mut BenchmarkRun<'_>) -> Result<()> {
    let others = if run.options.short { 1_000 } else { 10_000 };
    run.log_progress("endpoints");
    let system = SystemUnderTest::set_up(&run.servers, &run.binary, "endpoints", &SETTINGS).await?;
    let received = Arc::new(AtomicUsize::new(0));
    let receiver = start_receiver(Arc::clone(&received)).await?;
    measure_payoutd(run, &system, LIFECYCLES, &mut Vec::new()).await?;
    let (mut without_endpoints, mut with_others, mut with_own, mut delivery_rates) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..run.options.rounds() {
        without_endpoints.push(measure_payoutd(run, &system, LIFECYCLES, &mut Vec::new()).await?);
        system.database.execute(&insert_endpoints_sql(others)).await?;
        with_others.push(measure_payoutd(run, &system, LIFECYCLES, &mut Vec::new()).await?);
        register_endpoint(&system, &receiver).await?;
        received.store(0, Ordering::Relaxed);
        let started = Instant::now();
        with_own.push(measure_payoutd(run, &system, LIFECYCLES, &mut Vec::new()).await?);
        wait_until_delivered(&system).await?;
        delivery_rates.push(per_second(WEBHOOKS, started.elapsed()));
        if received.load(Ordering::Relaxed) < WEBHOOKS {
            return Err("payoutd reports more webhooks than the receiver has counted".into());
        }
        system.database.execute("TRUNCATE webhook_endpoints, webhook_deliveries").await?;
    }
    let floor = ("none", median(&without_endpoints));
    let row = |measure: &str, rates: &[f64]| {
        Row::with_floor(measure, median(rates), "/s", floor, Target::Informational)
    };
    run.rows.push(row(&format!("lifecycles with {others} endpoints of others"), &with_others));
    run.rows.push(row("the same, all of it told to one more", &with_own));
    run.rows.push(Row::without_floor(
        "webhooks delivered to that one",
        median(&delivery_rates),
        "/s",
        Target::Informational,
    ));
    system.tear_down().await
}

/// One endpoint each for `count` organisations.
fn insert_endpoints_sql(count: usize) -> String {
    format!(
        "INSERT INTO webhook_endpoints (id, org_id, mode, url, description, types, secret, created_at)
         SELECT gen_random_uuid(), gen_random_uuid(), 'live', 'https://partner.example/' || n, '',
            'payout.broadcast payout.delivered', 'whsec_' || encode(gen_random_uuid()::text::bytea, 'base64'), now()
         FROM generate_series(1, {count}) n; ANALYZE webhook_endpoints"
    )
}

/// Starts a server that counts the webhooks. Returns its URL.
async fn start_receiver(received: Arc<AtomicUsize>) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/hooks", listener.local_addr()?);
    let count = move || {
        received.fetch_add(1, Ordering::Relaxed);
        std::future::ready(StatusCode::NO_CONTENT)
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(count)).await });
    Ok(url)
}

async fn register_endpoint(system: &SystemUnderTest, url: &str) -> Result<()> {
    let body = format!(r#"{{"url":"{url}"}}"#);
    let mut connection = Connection::open(system.payoutd.api).await?;
    let response = connection.call(&http_client::post("/webhooks", &system.key, None, &body)).await?;
    if response.status != 201 {
        return Err(format!("the endpoint was rejected: {}", String::from_utf8_lossy(response.body)).into());
    }
    Ok(())
}

/// Waits until all webhooks are delivered.
async fn wait_until_delivered(system: &SystemUnderTest) -> Result<()> {
    let since = Instant::now();
    while since.elapsed() < DELIVERY_TIMEOUT {
        let waiting = "SELECT count(*) FROM webhook_deliveries WHERE status = 'waiting'";
        if system.database.query_number(waiting).await? == 0 {
            let succeeded = "SELECT count(*) FROM webhook_deliveries WHERE status = 'succeeded'";
            let succeeded = system.database.query_number(succeeded).await?;
            return crate::check_count("webhooks delivered", succeeded, WEBHOOKS);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("webhooks are not delivered before the timeout".into())
}
