//! The partner API against its OpenAPI document: schemathesis generates requests, and finds server errors, undocumented
//! responses, accepted invalid requests, and refused valid requests.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::support::{TestApp, tools};

/// The duration of each run, in seconds. `SCHEMATHESIS_SECONDS` replaces it.
const SECONDS: &str = "35";

#[tokio::test]
async fn schemathesis_finds_nothing_with_a_live_key() {
    assert_no_findings("live").await;
}

#[tokio::test]
async fn schemathesis_finds_nothing_with_a_test_key() {
    assert_no_findings("test").await;
}

fn client(file: &str) -> PathBuf {
    tools::root().join("tests/clients/python").join(file)
}

async fn assert_no_findings(mode: &str) {
    // schemathesis exceeds all rate limits, and sends many unknown keys.
    let app = TestApp::start_with(&[
        ("PAYOUTD_LIMITS__READS_PER_SECOND", "0"),
        ("PAYOUTD_LIMITS__WRITES_PER_SECOND", "0"),
        ("PAYOUTD_LIMITS__REFUSED_KEYS_PER_MINUTE", "0"),
    ])
    .await;
    let partner = app.payoutd.partner("acme", mode).await;
    let seconds = std::env::var("SCHEMATHESIS_SECONDS").unwrap_or_else(|_| SECONDS.to_owned());
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(tools::python())
        .args(["-m", "schemathesis.cli"])
        .env("SCHEMATHESIS_HOOKS", client("schemathesis_hooks.py"))
        .arg("--config-file")
        .arg(client("schemathesis.toml"))
        .args(["run", &format!("{}/openapi.json", app.payoutd.api()), "--max-time", &seconds])
        .args(["--header", &format!("Authorization: Bearer {}", partner.key())])
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output =
        tokio::time::timeout(Duration::from_secs(600), output).await.expect("schemathesis exits").unwrap();
    let (printed, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "schemathesis, with a {mode} key:\n{printed}\n{errors}");
    assert!(printed.contains("Stateful"), "all phases ran: {printed}");
}
