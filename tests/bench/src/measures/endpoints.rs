//! Lifecycles with very many webhook endpoints: those of other organisations, which are told nothing of these payouts, and
//! one of the partner's own, which is told everything. On one payoutd, in turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use tokio::net::TcpListener;

use super::Bench;
use super::lifecycles::payoutd_round;
use crate::http_client::{self, Connection};
use crate::system_under_test::Site;
use crate::table::{Row, Target, median};
use crate::{Fallible, failure, per_second};

const SETTINGS: [(&str, &str); 2] =
    [("PAYOUTD_WEBHOOKS__ALLOW_INSECURE", "true"), ("PAYOUTD_WEBHOOKS__ALLOW_PRIVATE_ADDRESSES", "true")];
/// Few enough for all their webhooks to go out soon.
const LIFECYCLES: usize = 4_000;
/// Of each lifecycle two: who creates a payout is not told of it.
const WEBHOOKS: usize = LIFECYCLES * 2;
/// How long the webhooks of a round may take.
const PATIENCE: Duration = Duration::from_secs(300);

pub(super) async fn measure(bench: &mut Bench<'_>) -> Fallible<()> {
    let others = if bench.options.short { 1_000 } else { 10_000 };
    bench.say("endpoints");
    let site = Site::open(&bench.servers, &bench.binary, "endpoints", &SETTINGS).await?;
    let received = Arc::new(AtomicUsize::new(0));
    let receiver = receive(Arc::clone(&received)).await?;
    payoutd_round(bench, &site, LIFECYCLES, &mut Vec::new()).await?;
    let (mut none, mut many, mut own, mut sent) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.options.rounds() {
        none.push(payoutd_round(bench, &site, LIFECYCLES, &mut Vec::new()).await?);
        site.database.run(&of_others(others)).await?;
        many.push(payoutd_round(bench, &site, LIFECYCLES, &mut Vec::new()).await?);
        register(&site, &receiver).await?;
        received.store(0, Ordering::Relaxed);
        let began = Instant::now();
        own.push(payoutd_round(bench, &site, LIFECYCLES, &mut Vec::new()).await?);
        all_sent(&site).await?;
        sent.push(per_second(WEBHOOKS, began.elapsed()));
        if received.load(Ordering::Relaxed) < WEBHOOKS {
            return Err(failure("webhooks are said to have succeeded that never came"));
        }
        site.database.run("TRUNCATE webhook_endpoints, webhook_deliveries").await?;
    }
    let without = ("none", median(&none));
    let beside =
        |measure: &str, rates: &[f64]| Row::beside(measure, median(rates), "/s", without, Target::Reported);
    bench.rows.push(beside(&format!("lifecycles with {others} endpoints of others"), &many));
    bench.rows.push(beside("the same, all of it told to one more", &own));
    bench.rows.push(Row::plain("webhooks delivered to that one", median(&sent), "/s", Target::Reported));
    site.close().await
}

/// As many organisations, with an endpoint each.
fn of_others(count: usize) -> String {
    format!(
        "INSERT INTO webhook_endpoints (id, org_id, mode, url, description, types, secret, created_at)
         SELECT gen_random_uuid(), gen_random_uuid(), 'live', 'https://partner.example/' || n, '',
            'payout.broadcast payout.delivered', 'whsec_' || encode(gen_random_uuid()::text::bytea, 'base64'), now()
         FROM generate_series(1, {count}) n; ANALYZE webhook_endpoints"
    )
}

/// A partner's server. It answers and counts.
async fn receive(received: Arc<AtomicUsize>) -> Fallible<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/hooks", listener.local_addr()?);
    let count = move || {
        received.fetch_add(1, Ordering::Relaxed);
        std::future::ready(StatusCode::NO_CONTENT)
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(count)).await });
    Ok(url)
}

async fn register(site: &Site, url: &str) -> Fallible<()> {
    let body = format!(r#"{{"url":"{url}"}}"#);
    let mut partner = Connection::open(site.program.api).await?;
    let answer = partner.call(&http_client::post("/webhooks", &site.key, None, &body)).await?;
    if answer.status != 201 {
        return Err(format!("an endpoint was refused: {}", String::from_utf8_lossy(answer.body)).into());
    }
    Ok(())
}

/// Waits until every webhook has gone out.
async fn all_sent(site: &Site) -> Fallible<()> {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        let waiting = "SELECT count(*) FROM webhook_deliveries WHERE status = 'waiting'";
        if site.database.number(waiting).await? == 0 {
            let succeeded = "SELECT count(*) FROM webhook_deliveries WHERE status = 'succeeded'";
            let succeeded = site.database.number(succeeded).await?;
            return crate::same("webhooks delivered", succeeded, WEBHOOKS);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(failure("webhooks do not go out"))
}
