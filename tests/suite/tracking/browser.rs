//! The page in Chromium: `tests/clients/node/tracking.mjs` checks it and changes payouts through a control server.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use payoutd_domain::{FailedFunds, Mode, NewPayout};
use tokio::process::Command;

use super::harness::{ETHEREUM_TX, TRON_TX, TrackingHarness, broadcast, delivered, failed, listen};

/// The state of the control server.
struct Fixture {
    harness: TrackingHarness,
    payouts: std::sync::Mutex<Vec<NewPayout>>,
    next: AtomicU64,
}

impl Fixture {
    /// Creates a payout. Responds with its index and the URL of its page.
    async fn create(State(fixture): State<Arc<Self>>, Path(mode): Path<String>) -> String {
        let number = fixture.next.fetch_add(1, Ordering::SeqCst);
        let mode: Mode = mode.parse().unwrap();
        let payout = fixture.harness.create_with(number, |terms| terms.mode = mode).await;
        let url = fixture.harness.url(&payout);
        let mut payouts = fixture.payouts.lock().unwrap();
        payouts.push(payout);
        format!("{} {url}", payouts.len() - 1)
    }

    /// Applies a change to a payout.
    async fn apply(
        State(fixture): State<Arc<Self>>,
        Path((index, what)): Path<(usize, String)>,
    ) -> StatusCode {
        let payout = fixture.payouts.lock().unwrap()[index].clone();
        let harness = &fixture.harness;
        harness.clock.advance(std::time::Duration::from_secs(21));
        let report = match what.as_str() {
            "broadcast" => broadcast("ethereum", ETHEREUM_TX),
            "second-leg" => broadcast("tron", TRON_TX),
            "delivered" => delivered("tron", TRON_TX, None),
            "failed" => failed("The transaction ran out of gas.", FailedFunds::Returned, false),
            "lost" => failed("The bridge does not answer.", FailedFunds::Unknown, false),
            "reversed" => failed("The block was orphaned.", FailedFunds::Unknown, true),
            "hostile" => failed(
                "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>",
                FailedFunds::NotSent,
                false,
            ),
            "late" => {
                harness.advance(700, &payout).await;
                return StatusCode::NO_CONTENT;
            }
            other => panic!("unknown change {other}"),
        };
        harness.report(&payout, report).await;
        StatusCode::NO_CONTENT
    }
}

/// Needs Chromium and Node.js, which `scripts/test` installs.
///
/// If the variable `SCREENSHOTS` names a directory, the script stores a screenshot of every state in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_shows_every_change_of_a_payout() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let made = Command::new(root.join("scripts/test-node")).stderr(Stdio::inherit()).output().await.unwrap();
    assert!(made.status.success(), "the packages of the script are installed");
    let modules = String::from_utf8(made.stdout).unwrap();

    let fixture = Fixture {
        harness: TrackingHarness::start().await,
        payouts: std::sync::Mutex::default(),
        next: AtomicU64::new(1),
    };
    let harness = fixture.harness.base.clone();
    let control = Router::new()
        .route("/create/{mode}", post(Fixture::create))
        .route("/happen/{index}/{what}", post(Fixture::apply))
        .with_state(Arc::new(fixture));
    let control = listen(control).await;
    let status = Command::new("node")
        .arg(root.join("tests/clients/node/tracking.mjs"))
        .env("NODE_MODULES", modules.trim())
        .env("SITE", harness)
        .env("CONTROL", control)
        .kill_on_drop(true)
        .status()
        .await
        .unwrap();
    assert!(status.success(), "the checks of the script pass");
}
