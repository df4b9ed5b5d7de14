//! `payoutd dev`: everything in one process, with nothing installed.

mod console;
mod demo;
mod in_process;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use payoutd_domain::Mode;
use tokio::sync::Notify;

use self::console::{ConsolePublisher, print_line};
use self::in_process::{DevReportSink, LoggedDeadLetters};
use super::lifecycle::{Components, System, start_telemetry};
use super::system_clock::SystemClock;
use crate::cli::{Failure, create_key};
use crate::config::Config;
use crate::sandbox::{Pace, Planner};

/// The organisation that `payoutd dev` makes.
const ORG: &str = "dev";

/// Runs the whole system on a SQLite file, shows how to use it, and executes a first payout.
///
/// # Errors
/// Where the file cannot be opened, a port is taken, or a part of the system dies.
pub async fn dev(mut config: Config, data: &Path) -> Result<(), Failure> {
    // The terminal is for payouts moving; what goes wrong is still said.
    if config.log.filter == "info" {
        config.log.filter = "warn".to_owned();
    }
    // Whoever tries webhooks out has their receiver on this machine.
    config.webhooks.allow_insecure = true;
    config.webhooks.allow_private_addresses = true;
    let metrics = start_telemetry(&config)?;
    let database = format!("sqlite:{}", data.display());
    let (foundation, http) = Components::open(config, &database).await?;
    foundation.store.migrate().await?;
    let keys = Keys {
        live: create_key(&*foundation.store, ORG, Mode::Live, SystemClock::read()).await?.expose().to_owned(),
        test: create_key(&*foundation.store, ORG, Mode::Test, SystemClock::read()).await?.expose().to_owned(),
    };
    let api = http.local_addr()?;
    let Some((mut system, held)) = foundation.start(metrics, Vec::new()).await? else { return Ok(()) };
    connect(&mut system);
    system.open_api(http).await?;
    welcome(&system, api, &keys, data);
    let base_path = system.foundation.config.http.base_path.clone();
    tokio::spawn(async move {
        match demo::run(api, &base_path, &keys.live).await {
            Ok((payout, page)) => {
                print_line(&format!("          {payout}  is a first payout, made for you: {page}"));
            }
            Err(error) => print_line(&format!("          the first payout could not be made: {error}")),
        }
    });
    system.run(held).await
}

struct Keys {
    live: String,
    test: String,
}

/// The bus inside the process: announcements to the simulator, its reports back through the intake.
fn connect(system: &mut System) {
    let planned = Arc::new(Notify::new());
    let planner = |pace| Planner {
        plans: Arc::clone(&system.foundation.store) as _,
        planned: Arc::clone(&planned),
        pace,
    };
    let live = ConsolePublisher { inner: planner(Pace::Demonstration) };
    let test = ConsolePublisher { inner: planner(Pace::AtOnce) };
    let sink = DevReportSink { payouts: system.payouts.clone(), desk: system.desk() };
    system.relay(Mode::Live, Arc::new(live));
    system.relay(Mode::Test, Arc::new(test));
    system.simulator(planned, Arc::new(sink));
    system.upkeep(Arc::new(LoggedDeadLetters));
}

fn welcome(system: &System, api: SocketAddr, keys: &Keys, data: &Path) {
    let Keys { live, test } = keys;
    let base = format!("http://{api}{}", system.foundation.config.http.base_path);
    let ops = system.foundation.config.ops.listen;
    let request = demo::QUOTE_REQUEST;
    print_line(&format!(
        r#"
payoutd dev: the whole engine in this process, its data in {data}

  partner API    {base}/payouts
  documentation  {base}/docs  (also {base}/openapi.json, {base}/asyncapi.json)
  operators      http://{ops}/metrics  /readyz  /livez
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

With the test key, "external_ref" chooses the outcome: sandbox_fail, sandbox_stall, sandbox_reorg, …
Simulated watchers move payouts. Ctrl-C stops.
"#,
        data = data.display(),
    ));
}
