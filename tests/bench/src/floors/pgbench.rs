//! Floor R: PostgreSQL doing the same writes with one transaction per change, by `pgbench`, with prepared statements.
//!
//! The statements are payoutd's own with arrays of one element. What the outbox held is struck off in large batches, as
//! payoutd does it: one transaction more per change would make the floor lower.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::statements::{APPEND, CREATE};
use crate::servers::{Database, Servers};
use crate::template::Sample;
use crate::{Fallible, failure};

/// The numbers of clients that are tried, each for so many seconds.
const CLIENTS: [u32; 4] = [4, 8, 16, 32];
const TRIED_FOR: u32 = 1;

/// What one script of pgbench does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Script {
    /// Create, broadcast, delivered: three changes.
    Lifecycle,
    /// Create: one.
    Create,
}

/// A floor that has been prepared: scripts, and the number of clients that is best.
pub(crate) struct OneByOne {
    directory: PathBuf,
    definitions: Vec<String>,
    script: Script,
    clients: Option<u32>,
}

const STRIKE_OFF: &str = "DELETE FROM outbox WHERE id IN \
    (SELECT id FROM outbox ORDER BY id LIMIT 4000 FOR UPDATE SKIP LOCKED);\n";

impl OneByOne {
    /// Writes the scripts.
    pub(crate) fn new(servers: &Servers, sample: &Sample, script: Script) -> Fallible<Self> {
        let directory = servers.directory.join("pgbench");
        std::fs::create_dir_all(&directory)?;
        let mut text = String::from(IDENTITY);
        text.push_str(&single(CREATE, &create_parameters()));
        if let Script::Lifecycle = script {
            text.push_str(&single(APPEND, &append_parameters(1)));
            text.push_str(&single(APPEND, &append_parameters(2)));
        }
        std::fs::write(directory.join("changes.sql"), text)?;
        std::fs::write(directory.join("strike_off.sql"), STRIKE_OFF)?;
        Ok(Self { directory, definitions: definitions(sample), script, clients: None })
    }

    /// Changes a second, over `seconds`, with the number of clients that is best.
    pub(crate) async fn changes(&mut self, database: &Database, seconds: u32) -> Fallible<f64> {
        if let Some(clients) = self.clients {
            return self.run(database, clients, seconds).await;
        }
        let mut best = (0.0, CLIENTS[0]);
        for clients in CLIENTS {
            let rate = self.run(database, clients, TRIED_FOR).await?;
            if rate > best.0 {
                best = (rate, clients);
            }
        }
        self.clients = Some(best.1);
        self.run(database, best.1, seconds).await
    }

    /// With how many clients it was fastest.
    pub(crate) fn clients(&self) -> u32 {
        self.clients.unwrap_or(CLIENTS[0])
    }

    async fn run(&self, database: &Database, clients: u32, seconds: u32) -> Fallible<f64> {
        let payouts = "SELECT count(*) + coalesce(sum(version - 1), 0)::bigint FROM payouts";
        let before = database.number(payouts).await?;
        let mut pgbench = Command::new(pgbench().as_deref().unwrap_or(Path::new("pgbench")));
        pgbench.args(["--no-vacuum", "--protocol=prepared", "--jobs=1"]);
        pgbench.args([format!("--client={clients}"), format!("--time={seconds}")]);
        pgbench.arg(format!("--file={}@1000", self.directory.join("changes.sql").display()));
        pgbench.arg(format!("--file={}@1", self.directory.join("strike_off.sql").display()));
        // Distinct over all runs on this database.
        pgbench.arg(format!("--define=run={before}"));
        pgbench.args(self.definitions.iter().map(|definition| format!("--define={definition}")));
        let output = pgbench.arg(database.floor_url()).stdin(Stdio::null()).output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() || complaint.contains("ERROR") {
            return Err(format!("pgbench: {complaint}").into());
        }
        let rate =
            text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse::<f64>().ok());
        let rate = rate.ok_or_else(|| failure("pgbench does not say how fast it was"))?;
        if database.number(payouts).await? <= before {
            return Err(failure("floor R did not write what it should"));
        }
        Ok(match self.script {
            Script::Lifecycle => rate * 3.0,
            Script::Create => rate,
        })
    }
}

/// What is new in each lifecycle. Ids rise with time, as payoutd's do; quotes and tokens are random.
const IDENTITY: &str = r"\set n :n + 1
";

/// Ids rise; whoever runs when, they are distinct.
const ID: &str = "(lpad(to_hex(:run::bigint), 12, '0') || lpad(to_hex(:n::bigint), 12, '0') || lpad(to_hex(:client_id::bigint), 8, '0'))::uuid";

fn of(name: &str, array: &str) -> String {
    format!("ARRAY[:{name}]::{array}[]")
}

fn none(array: &str) -> String {
    format!("ARRAY[NULL]::{array}[]")
}

fn create_parameters() -> Vec<String> {
    let now = "ARRAY[now()]::timestamptz[]".to_owned();
    let random = "replace(gen_random_uuid()::text, '-', '')";
    let mut parameters = vec![
        format!("ARRAY[{ID}]"),
        of("org_id", "uuid"),
        "ARRAY['live']".to_owned(),
        format!("ARRAY['quo_' || {random} || {random}]"),
        "ARRAY[gen_random_uuid()]".to_owned(),
    ];
    let terms = ["external_ref", "destination", "asset", "user_sends", "recipient_gets", "fee_total_usd"];
    parameters.extend(terms.iter().chain(&["from_network", "to_network"]).map(|name| of(name, "text")));
    parameters.extend(["estimated_seconds", "seconds_after_broadcast"].map(|name| of(name, "bigint")));
    parameters.extend([now, "ARRAY[now() + interval '1 hour']".to_owned()]);
    parameters.extend([
        "ARRAY['payout.created']".to_owned(),
        of("routing_key_0", "text"),
        of("body_0", "text"),
    ]);
    parameters.push(none("text"));
    let no_answers = ["uuid", "bytea", "bytea", "bigint", "text", "text", "timestamptz", "timestamptz"];
    parameters.extend(no_answers.map(|array| format!("ARRAY[]::{array}[]")));
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
        none("text"),
        now.clone(),
        of(&format!("source_{version}"), "text"),
        of(&format!("report_id_{version}"), "text"),
        "ARRAY['applied']".to_owned(),
        of(&format!("entry_{version}"), "text"),
        id,
        sequence,
        "ARRAY['live']".to_owned(),
        format!("ARRAY['payout.{status}']"),
        of(&format!("routing_key_{version}"), "text"),
        of(&format!("body_{version}"), "text"),
        none("text"),
        now,
    ]
}

/// A statement with its parameters put in. The last ones first, so that $1 is not found in $12.
fn single(statement: &str, parameters: &[String]) -> String {
    let code = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
    let code = code.collect::<Vec<_>>().join("\n");
    let numbered = parameters.iter().enumerate().rev();
    let filled = numbered.fold(code, |code, (at, value)| code.replace(&format!("${}", at + 1), value));
    format!("{filled};\n")
}

fn definitions(sample: &Sample) -> Vec<String> {
    let row = &sample.row;
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
    for (at, event) in sample.events.iter().enumerate() {
        definitions.push(format!("routing_key_{at}={}", event.routing_key));
        definitions.push(format!("body_{at}={}", event.body));
    }
    for (at, entry) in sample.entries.iter().enumerate() {
        let version = at + 1;
        definitions.push(format!("source_{version}={}", entry.source));
        definitions.push(format!("report_id_{version}={}", entry.report_id));
        definitions.push(format!("entry_{version}={}", entry.entry));
    }
    definitions
}

/// Debian keeps it out of the path.
fn pgbench() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin/pgbench")).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop()
}
