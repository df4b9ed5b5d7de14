//! Real receivers with the official libraries, through failures, restarts and rotation.

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

/// A receiver in a process of its own.
struct Client {
    _process: Child,
    commands: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where a script made what its clients need.
async fn made_by(script: &str) -> PathBuf {
    let output = Command::new(root().join("scripts").join(script)).output().await.unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().into()
}

impl Client {
    async fn python(secret: &str) -> Self {
        let mut command = Command::new(made_by("test-python").await);
        command.arg(root().join("tests/clients/python/receiver.py")).arg(secret);
        Self::start(command).await
    }

    async fn node(secret: &str) -> Self {
        let mut command = Command::new("node");
        command.env("NODE_MODULES", made_by("test-node").await);
        command.arg(root().join("tests/clients/node/receiver.mjs")).arg(secret);
        Self::start(command).await
    }

    async fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let commands = process.stdin.take().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut client = Self { _process: process, commands, lines, url: String::new() };
        client.url = format!("http://127.0.0.1:{}/hook", client.line().await);
        client
    }

    async fn line(&mut self) -> Value {
        let line =
            tokio::time::timeout(TIMEOUT, self.lines.next_line()).await.expect("the receiver says something");
        serde_json::from_str(&line.unwrap().expect("the receiver lives")).unwrap()
    }

    async fn tell(&mut self, command: &str) {
        self.commands.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        let word = command.split(' ').next().unwrap();
        assert_eq!(self.line().await["did"], word);
    }

    /// The next request, which must have been verified.
    async fn verified(&mut self) -> Value {
        let seen = self.line().await;
        assert_eq!(seen["verified"], true, "{seen}");
        seen
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_python_library_verifies_what_we_send() {
    let harness = WebhookHarness::sqlite(HarnessOptions::default()).await;
    // Its port is known only once it runs, and its secret only once there is an endpoint.
    let mut client = Client::python("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").await;
    let endpoint = harness.endpoint(Mode::Live, &client.url).await;
    through_thick_and_thin(harness, &mut client, endpoint).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_node_library_verifies_what_we_send() {
    let harness = WebhookHarness::postgres(HarnessOptions::default()).await;
    let mut client = Client::node("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").await;
    let endpoint = harness.endpoint(Mode::Live, &client.url).await;
    through_thick_and_thin(harness, &mut client, endpoint).await;
}

async fn through_thick_and_thin(mut harness: WebhookHarness, client: &mut Client, endpoint: Endpoint) {
    client.tell(&format!("secret {}", endpoint.secret.expose())).await;
    harness.start();
    let payout = harness.delivered(Mode::Live, "order-1").await.snapshot().payout.id.to_string();
    let (first, second) = (client.verified().await, client.verified().await);
    assert_eq!((&first["sequence"], &second["sequence"]), (&2.into(), &3.into()));
    assert_eq!((first["payout"].as_str(), &second["previous_status"]), (Some(&*payout), &"broadcast".into()));

    // Failure, and a restart before the retry.
    client.tell("status 500").await;
    harness.delivered(Mode::Live, "order-2").await;
    let failed = client.verified().await;
    harness.until(endpoint.id, "the failure is written down", |all| all[2].attempts == 1).await;
    harness.stop().await;
    client.tell("status 200").await;
    harness.clock.advance(RETRY_DELAYS[0].mul_f64(1.2));
    harness.start();
    let (again, next) = (client.verified().await, client.verified().await);
    assert_eq!((&again["id"], &again["sequence"], &next["sequence"]), (&failed["id"], &2.into(), &3.into()));

    // Rotation: during the overlap both secrets verify, and then the new one alone.
    let rotated = harness.service.rotate(acme(Mode::Live), endpoint.id, &no_record).await.unwrap();
    harness.delivered(Mode::Live, "order-3").await;
    client.verified().await;
    client.verified().await;
    client.tell(&format!("secret {}", rotated.secret.expose())).await;
    harness.delivered(Mode::Live, "order-4").await;
    client.verified().await;
    client.verified().await;
    let now = harness.now();
    harness.clock.advance(SECRET_OVERLAP + Duration::from_secs(1));
    let late = harness.find(endpoint.id).await;
    assert_eq!(late.secrets_at(harness.now()).len(), 1);
    harness.clock.set(now);
    client.tell("secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").await;
    harness.delivered(Mode::Live, "order-5").await;
    assert_eq!(client.line().await["verified"], false, "another secret verifies nothing");
}
