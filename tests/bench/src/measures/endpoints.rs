//! Lifecycles with very many webhook endpoints: those of other organisations, which are told nothing of these payouts, and
//! one of the partner's own, which is told everything. On one payoutd, in turns.

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
/// Few enough for all their webhooks to go out soon.
const LIFECYCLES: usize = 4_000;
/// Of each lifecycle two: who creates a payout is not told of it.
const WEBHOOKS: usize = LIFECYCLES * 2;
/// How long the webhooks of a round may take.
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
            return Err("webhooks are said to have succeeded that never came".into());
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

/// As many organisations, with an endpoint each.
fn insert_endpoints_sql(count: usize) -> String {
    format!(
        "INSERT INTO webhook_endpoints (id, org_id, mode, url, description, types, secret, created_at)
         SELECT gen_random_uuid(), gen_random_uuid(), 'live', 'https://partner.example/' || n, '',
            'payout.broadcast payout.delivered', 'whsec_' || encode(gen_random_uuid()::text::bytea, 'base64'), now()
         FROM generate_series(1, {count}) n; ANALYZE webhook_endpoints"
    )
}

/// A partner's server. It answers and counts.
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
        return Err(format!("an endpoint was refused: {}", String::from_utf8_lossy(response.body)).into());
    }
    Ok(())
}

/// Waits until every webhook has gone out.
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
    Err("webhooks do not go out".into())
}
