//! Receivers with the official Standard Webhooks libraries, through failures, restarts and secret rotation.

use payoutd::idempotency::no_record;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use payoutd::webhooks::{Endpoint, RETRY_DELAYS, SECRET_OVERLAP};
use payoutd_domain::Mode;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::harness::{HarnessOptions, WebhookHarness, acme};
use crate::support::TIMEOUT;

/// A receiver in a separate process.
struct LibraryReceiver {
    _process: Child,
    commands: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a script that installs the receiver's dependencies. Returns the path that it prints.
async fn install_with(script: &str) -> PathBuf {
    let output = Command::new(root().join("scripts").join(script)).output().await.unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().into()
}

impl LibraryReceiver {
    async fn python(secret: &str) -> Self {
        let mut command = Command::new(install_with("test-python").await);
        command.arg(root().join("tests/clients/python/receiver.py")).arg(secret);
        Self::start(command).await
    }

    async fn node(secret: &str) -> Self {
        let mut command = Command::new("node");
        command.env("NODE_MODULES", install_with("test-node").await);
        command.arg(root().join("tests/clients/node/receiver.mjs")).arg(secret);
        Self::start(command).await
    }

    async fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let commands = process.stdin.take().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut receiver = Self { _process: process, commands, lines, url: String::new() };
        receiver.url = format!("http://127.0.0.1:{}/hook", receiver.line().await);
        receiver
    }

    async fn line(&mut self) -> Value {
        let line = tokio::time::timeout(TIMEOUT, self.lines.next_line()).await.expect("a line of output");
        serde_json::from_str(&line.unwrap().expect("the receiver is running")).unwrap()
    }

    async fn send_command(&mut self, command: &str) {
        self.commands.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        let word = command.split(' ').next().unwrap();
        assert_eq!(self.line().await["did"], word);
    }

    /// The next request. Fails if its signature was not verified.
    async fn next_verified(&mut self) -> Value {
        let request = self.line().await;
        assert_eq!(request["verified"], true, "{request}");
        request
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_python_library_verifies_the_signatures() {
    let harness = WebhookHarness::sqlite(HarnessOptions::default()).await;
    // The endpoint needs the receiver's port, so the receiver starts with another secret.
    let mut receiver = LibraryReceiver::python("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").await;
    let endpoint = harness.endpoint(Mode::Live, &receiver.url).await;
    check_retries_restart_and_rotation(harness, &mut receiver, endpoint).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_node_library_verifies_the_signatures() {
    let harness = WebhookHarness::postgres(HarnessOptions::default()).await;
    let mut receiver = LibraryReceiver::node("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").await;
    let endpoint = harness.endpoint(Mode::Live, &receiver.url).await;
    check_retries_restart_and_rotation(harness, &mut receiver, endpoint).await;
}

async fn check_retries_restart_and_rotation(
    mut harness: WebhookHarness,
    receiver: &mut LibraryReceiver,
    endpoint: Endpoint,
) {
    receiver.send_command(&format!("secret {}", endpoint.secret.expose())).await;
    harness.start();
    let payout = harness.delivered(Mode::Live, "order-1").await.snapshot().payout.id.to_string();
    let (first, second) = (receiver.next_verified().await, receiver.next_verified().await);
    assert_eq!((&first["sequence"], &second["sequence"]), (&2.into(), &3.into()));
    assert_eq!((first["payout"].as_str(), &second["previous_status"]), (Some(&*payout), &"broadcast".into()));

    // A failure, and a restart before the retry.
    receiver.send_command("status 500").await;
    harness.delivered(Mode::Live, "order-2").await;
    let failed = receiver.next_verified().await;
    harness.until(endpoint.id, "the failure is recorded", |all| all[2].attempts == 1).await;
    harness.stop().await;
    receiver.send_command("status 200").await;
    harness.clock.advance(RETRY_DELAYS[0].mul_f64(1.2));
    harness.start();
    let (again, next) = (receiver.next_verified().await, receiver.next_verified().await);
    assert_eq!((&again["id"], &again["sequence"], &next["sequence"]), (&failed["id"], &2.into(), &3.into()));

    // Rotation: during the overlap both secrets verify, afterwards only the new one.
    let rotated = harness.service.rotate(acme(Mode::Live), endpoint.id, &no_record).await.unwrap();
    harness.delivered(Mode::Live, "order-3").await;
    receiver.next_verified().await;
    receiver.next_verified().await;
    receiver.send_command(&format!("secret {}", rotated.secret.expose())).await;
    harness.delivered(Mode::Live, "order-4").await;
    receiver.next_verified().await;
    receiver.next_verified().await;
    let now = harness.now();
    harness.clock.advance(SECRET_OVERLAP + Duration::from_secs(1));
    let late = harness.find(endpoint.id).await;
    assert_eq!(late.secrets_at(harness.now()).len(), 1);
    harness.clock.set(now);
    receiver.send_command("secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").await;
    harness.delivered(Mode::Live, "order-5").await;
    assert_eq!(receiver.line().await["verified"], false, "a wrong secret verifies no signature");
}
