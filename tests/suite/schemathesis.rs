//! The partner API against its own description: schemathesis makes up calls in all its phases, and looks for server
//! errors, answers that are not described, and anything that is accepted or refused where it should not be.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::support::{World, tools};

/// How long each run goes on making up calls, in seconds. `SCHEMATHESIS_SECONDS` says otherwise.
const SECONDS: &str = "35";

#[tokio::test]
async fn schemathesis_finds_nothing_with_a_live_key() {
    find_nothing("live").await;
}

#[tokio::test]
async fn schemathesis_finds_nothing_with_a_test_key() {
    find_nothing("test").await;
}

fn client(file: &str) -> PathBuf {
    tools::root().join("tests/clients/python").join(file)
}

async fn find_nothing(mode: &str) {
    // Calls are made up faster than any partner makes them, from an address that guesses keys.
    let world = World::start_with(&[
        ("PAYOUTD_LIMITS__READS_PER_SECOND", "0"),
        ("PAYOUTD_LIMITS__WRITES_PER_SECOND", "0"),
        ("PAYOUTD_LIMITS__REFUSED_KEYS_PER_MINUTE", "0"),
    ])
    .await;
    let partner = world.payoutd.partner("acme", mode).await;
    let seconds = std::env::var("SCHEMATHESIS_SECONDS").unwrap_or_else(|_| SECONDS.to_owned());
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(tools::python())
        .args(["-m", "schemathesis.cli"])
        .env("SCHEMATHESIS_HOOKS", client("schemathesis_hooks.py"))
        .arg("--config-file")
        .arg(client("schemathesis.toml"))
        .args(["run", &format!("{}/openapi.json", world.payoutd.api()), "--max-time", &seconds])
        .args(["--header", &format!("Authorization: Bearer {}", partner.key())])
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(600), output).await.expect("it ends").unwrap();
    let (printed, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "schemathesis, with a {mode} key:\n{printed}\n{complaint}");
    assert!(printed.contains("Stateful"), "all phases ran: {printed}");
}
