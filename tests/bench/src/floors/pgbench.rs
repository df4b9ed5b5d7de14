//! Floor R: the writes of lifecycles in PostgreSQL alone, one transaction per change, driven by `pgbench`
//! with prepared statements.
//!
//! The statements are those of payoutd, with arrays of one element. The outbox is deleted in large batches,
//! as payoutd does it: a further transaction per change would lower the floor.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::statements::{APPEND_REPORTS, CREATE_PAYOUTS};
use crate::Result;
use crate::servers::{Database, Servers};
use crate::template::Template;

/// The client counts to try.
const CLIENT_COUNTS: [u32; 4] = [4, 8, 16, 32];
/// The length of each trial run.
const CALIBRATION_SECONDS: u32 = 1;

/// The transactions of a pgbench run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Script {
    /// Create, broadcast and delivered: three changes.
    Lifecycle,
    /// One change.
    Create,
}

/// Prepared scripts, and the best client count after the first run.
pub(crate) struct PgbenchFloor {
    directory: PathBuf,
    definitions: Vec<String>,
    script: Script,
    best_client_count: Option<u32>,
}

const DELETE_OUTBOX: &str = "DELETE FROM outbox WHERE id IN \
    (SELECT id FROM outbox ORDER BY id LIMIT 4000 FOR UPDATE SKIP LOCKED);\n";

impl PgbenchFloor {
    /// Writes the pgbench scripts.
    pub(crate) fn new(servers: &Servers, template: &Template, script: Script) -> Result<Self> {
        let directory = servers.directory.join("pgbench");
        std::fs::create_dir_all(&directory)?;
        let mut text = String::from(NEXT_NUMBER);
        text.push_str(&inline_parameters(CREATE_PAYOUTS, &create_parameters()));
        if let Script::Lifecycle = script {
            text.push_str(&inline_parameters(APPEND_REPORTS, &append_parameters(1)));
            text.push_str(&inline_parameters(APPEND_REPORTS, &append_parameters(2)));
        }
        std::fs::write(directory.join("changes.sql"), text)?;
        std::fs::write(directory.join("delete_outbox.sql"), DELETE_OUTBOX)?;
        Ok(Self { directory, definitions: definitions(template), script, best_client_count: None })
    }

    /// Returns changes per second over `seconds`. The first call finds the client count with the highest
    /// rate.
    pub(crate) async fn measure_changes(&mut self, database: &Database, seconds: u32) -> Result<f64> {
        if let Some(clients) = self.best_client_count {
            return self.run(database, clients, seconds).await;
        }
        let mut best = (0.0, CLIENT_COUNTS[0]);
        for clients in CLIENT_COUNTS {
            let rate = self.run(database, clients, CALIBRATION_SECONDS).await?;
            if rate > best.0 {
                best = (rate, clients);
            }
        }
        self.best_client_count = Some(best.1);
        self.run(database, best.1, seconds).await
    }

    pub(crate) fn best_client_count(&self) -> u32 {
        self.best_client_count.unwrap_or(CLIENT_COUNTS[0])
    }

    async fn run(&self, database: &Database, clients: u32, seconds: u32) -> Result<f64> {
        let changes = "SELECT count(*) + coalesce(sum(version - 1), 0)::bigint FROM payouts";
        let changes_before = database.query_number(changes).await?;
        let mut pgbench = Command::new(find_pgbench().as_deref().unwrap_or(Path::new("pgbench")));
        pgbench.args(["--no-vacuum", "--protocol=prepared", "--jobs=1"]);
        pgbench.args([format!("--client={clients}"), format!("--time={seconds}")]);
        pgbench.arg(format!("--file={}@1000", self.directory.join("changes.sql").display()));
        pgbench.arg(format!("--file={}@1", self.directory.join("delete_outbox.sql").display()));
        // Makes ids unique across the runs on a database.
        pgbench.arg(format!("--define=run={changes_before}"));
        pgbench.args(self.definitions.iter().map(|definition| format!("--define={definition}")));
        let output = pgbench.arg(database.floor_url()).stdin(Stdio::null()).output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() || errors.contains("ERROR") {
            return Err(format!("pgbench: {errors}").into());
        }
        let rate =
            text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse::<f64>().ok());
        let rate = rate.ok_or("the output of pgbench has no rate")?;
        if database.query_number(changes).await? <= changes_before {
            return Err("floor R did not write any change".into());
        }
        Ok(match self.script {
            Script::Lifecycle => rate * 3.0,
            Script::Create => rate,
        })
    }
}

/// Increments the number of the payout.
const NEXT_NUMBER: &str = r"\set n :n + 1
";

/// Ids ascend with the run and the number, and differ between clients.
const ID: &str = "(lpad(to_hex(:run::bigint), 12, '0') || lpad(to_hex(:n::bigint), 12, '0') || lpad(to_hex(:client_id::bigint), 8, '0'))::uuid";

fn variable_array(name: &str, element_type: &str) -> String {
    format!("ARRAY[:{name}]::{element_type}[]")
}

fn null_array(element_type: &str) -> String {
    format!("ARRAY[NULL]::{element_type}[]")
}

fn create_parameters() -> Vec<String> {
    let now = "ARRAY[now()]::timestamptz[]".to_owned();
    let random = "replace(gen_random_uuid()::text, '-', '')";
    let mut parameters = vec![
        format!("ARRAY[{ID}]"),
        variable_array("org_id", "uuid"),
        "ARRAY['live']".to_owned(),
        format!("ARRAY['quo_' || {random} || {random}]"),
        "ARRAY[gen_random_uuid()]".to_owned(),
    ];
    let terms = ["external_ref", "destination", "asset", "user_sends", "recipient_gets", "fee_total_usd"];
    parameters
        .extend(terms.iter().chain(&["from_network", "to_network"]).map(|name| variable_array(name, "text")));
    parameters
        .extend(["estimated_seconds", "seconds_after_broadcast"].map(|name| variable_array(name, "bigint")));
    parameters.extend([now, "ARRAY[now() + interval '1 hour']".to_owned()]);
    parameters.extend([
        "ARRAY['payout.created']".to_owned(),
        variable_array("routing_key_0", "text"),
        variable_array("body_0", "text"),
    ]);
    parameters.push(null_array("text"));
    let idempotency_columns =
        ["uuid", "bytea", "bytea", "bigint", "text", "text", "timestamptz", "timestamptz"];
    parameters.extend(idempotency_columns.map(|element_type| format!("ARRAY[]::{element_type}[]")));
    parameters
}

fn append_parameters(version: usize) -> Vec<String> {
    let status = ["broadcast", "delivered"][version - 1];
    let (id, now) = (format!("ARRAY[{ID}]"), "ARRAY[now()]::timestamptz[]".to_owned());
    let sequence = format!("ARRAY[{}]::bigint[]", version + 1);
    vec![
        id.clone(),
        format!("ARRAY[{version}]::bigint[]"),
        format!("ARRAY['{status}']"),
        sequence.clone(),
        "ARRAY[now() + interval '1 hour']".to_owned(),
        "ARRAY[false]".to_owned(),
        null_array("text"),
        now.clone(),
        variable_array(&format!("source_{version}"), "text"),
        variable_array(&format!("report_id_{version}"), "text"),
        "ARRAY['applied']".to_owned(),
        variable_array(&format!("entry_{version}"), "text"),
        id,
        sequence,
        "ARRAY['live']".to_owned(),
        format!("ARRAY['payout.{status}']"),
        variable_array(&format!("routing_key_{version}"), "text"),
        variable_array(&format!("body_{version}"), "text"),
        null_array("text"),
        now,
    ]
}

/// Replaces the parameters of a statement by expressions. The last parameter comes first, because `$1` is
/// also the start of `$12`.
fn inline_parameters(statement: &str, parameters: &[String]) -> String {
    let code = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
    let code = code.collect::<Vec<_>>().join("\n");
    let numbered = parameters.iter().enumerate().rev();
    let filled = numbered.fold(code, |code, (at, value)| code.replace(&format!("${}", at + 1), value));
    format!("{filled};\n")
}

fn definitions(template: &Template) -> Vec<String> {
    let row = &template.payout;
    let mut definitions = vec![
        "n=0".to_owned(),
        format!("org_id={}", row.org_id),
        format!("external_ref={}", row.external_ref),
        format!("destination={}", row.destination),
        format!("asset={}", row.asset),
        format!("user_sends={}", row.user_sends),
        format!("recipient_gets={}", row.recipient_gets),
        format!("fee_total_usd={}", row.fee_total_usd),
        format!("from_network={}", row.from_network),
        format!("to_network={}", row.to_network),
        format!("estimated_seconds={}", row.estimated_seconds),
        format!("seconds_after_broadcast={}", row.seconds_after_broadcast),
    ];
    for (at, event) in template.events.iter().enumerate() {
        definitions.push(format!("routing_key_{at}={}", event.routing_key));
        definitions.push(format!("body_{at}={}", event.body));
    }
    for (at, entry) in template.journal.iter().enumerate() {
        let version = at + 1;
        definitions.push(format!("source_{version}={}", entry.source));
        definitions.push(format!("report_id_{version}={}", entry.report_id));
        definitions.push(format!("entry_{version}={}", entry.entry));
    }
    definitions
}

/// The newest `pgbench` of a Debian installation, which is not in `PATH`.
fn find_pgbench() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin/pgbench")).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop()
}
