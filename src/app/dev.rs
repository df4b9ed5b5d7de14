//! `payoutd dev`: the whole application in one process, on SQLite and without a broker.

mod console;
mod demo;
mod in_process;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use payoutd_domain::Mode;
use tokio::sync::Notify;

use self::console::{ConsolePublisher, print_line};
use self::in_process::{DevReportSink, LoggedDeadLetters};
use super::components::Components;
use super::error::AppError;
use super::keys::Keys;
use super::lifecycle::{Application, start_telemetry};
use crate::config::Config;
use crate::sandbox::{Pace, Planner};

/// The organisation of the API keys that `payoutd dev` creates.
const ORG: &str = "dev";

/// Runs until the process is asked to stop. Prints how to use the API and executes a first payout.
///
/// # Errors
/// Returns an error if a component cannot start or a task exits.
pub(crate) async fn dev(mut config: Config, data: &Path) -> Result<(), AppError> {
    // The terminal shows the changes of payouts, and only warnings besides.
    if config.log.filter == "info" {
        config.log.filter = "warn".to_owned();
    }
    let metrics = start_telemetry(&config.log)?;
    let Some(Dev { application, api, keys }) = start(config, data, metrics).await? else { return Ok(()) };
    welcome(&application, api, &keys, data);
    let base_path = application.components.config.http.base_path.clone();
    tokio::select! {
        result = application.run() => result,
        never = show_first_payout(api, &base_path, &keys.live) => match never {},
    }
}

pub(super) struct Dev {
    pub(super) application: Application,
    api: SocketAddr,
    keys: DevKeys,
}

struct DevKeys {
    live: String,
    test: String,
}

/// Starts all tasks. Returns `None` if the process is asked to stop before it holds the lease on the database.
pub(super) async fn start(
    mut config: Config,
    data: &Path,
    metrics: PrometheusHandle,
) -> Result<Option<Dev>, AppError> {
    // A webhook receiver under development runs on this machine.
    config.webhooks.allow_insecure = true;
    config.webhooks.allow_private_addresses = true;
    let (components, listener) = Components::open(config, &format!("sqlite:{}", data.display())).await?;
    components.store.migrate().await?;
    let keys = Keys::new(Arc::clone(&components.store));
    let keys = DevKeys {
        live: keys.create(ORG, Mode::Live).await?.expose().to_owned(),
        test: keys.create(ORG, Mode::Test).await?.expose().to_owned(),
    };
    let api = listener.local_addr()?;
    let Some(mut application) = Application::start(components, metrics, Vec::new()).await? else {
        return Ok(None);
    };
    connect(&mut application);
    application.spawn_partner_api(listener).await?;
    Ok(Some(Dev { application, api, keys }))
}

/// The simulator receives the changes of all payouts. Its reports on live payouts pass through the report intake.
fn connect(application: &mut Application) {
    let planned = Arc::new(Notify::new());
    let planner = |pace| Planner {
        plans: Arc::clone(&application.components.store) as _,
        planned: Arc::clone(&planned),
        pace,
    };
    let live = ConsolePublisher { inner: planner(Pace::Demonstration) };
    let test = ConsolePublisher { inner: planner(Pace::AtOnce) };
    let sink = DevReportSink { payouts: application.payouts.clone(), intake: application.report_intake() };
    application.spawn_relay(Mode::Live, Arc::new(live));
    application.spawn_relay(Mode::Test, Arc::new(test));
    application.spawn_simulator(planned, Arc::new(sink));
    application.spawn_periodic_work(Arc::new(LoggedDeadLetters));
}

/// Executes a payout and prints its tracking page.
async fn show_first_payout(api: SocketAddr, base_path: &str, key: &str) -> Infallible {
    match demo::execute_payout(api, base_path, key).await {
        Ok((payout, page)) => print_line(&format!("          {payout}  first payout; tracking page: {page}")),
        Err(error) => print_line(&format!("          could not execute a first payout: {error}")),
    }
    std::future::pending().await
}

fn welcome(application: &Application, api: SocketAddr, keys: &DevKeys, data: &Path) {
    let DevKeys { live, test } = keys;
    let config = &application.components.config;
    let base = format!("http://{api}{}", config.http.base_path);
    let ops = config.ops.listen;
    let request = demo::QUOTE_REQUEST;
    print_line(&format!(
        r#"
payoutd dev: the whole application in one process, with its data in {data}

  partner API    {base}/payouts
  documentation  {base}/docs  (also {base}/openapi.json, {base}/asyncapi.json)
  operations     http://{ops}/metrics  /readyz  /livez
  live key       {live}
  test key       {test}

Quote a payout, execute it and poll it, from another terminal:

  QUOTE=$(curl -sS {base}/payouts/quote -H 'Authorization: Bearer {live}' \
    -H "Idempotency-Key: $RANDOM-$RANDOM" -H 'Content-Type: application/json' \
    -d '{request}' \
    | sed -E 's/.*"quote_id":"([^"]+)".*/\1/')
  PAYOUT=$(curl -sS {base}/payouts -H 'Authorization: Bearer {live}' -H 'Content-Type: application/json' \
    -d "{{\"quote_id\":\"$QUOTE\"}}" | sed -E 's/.*"id":"(pay_[^"]+)".*/\1/')
  curl -sS {base}/payouts/$PAYOUT -H 'Authorization: Bearer {live}'

With the test key, "external_ref" selects the outcome: sandbox_fail, sandbox_stall, sandbox_reorg, …
Simulated watchers report on every payout. Ctrl-C stops.
"#,
        data = data.display(),
    ));
}
