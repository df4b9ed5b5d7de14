//! The page in a real Chromium: `tests/clients/node/tracking.mjs` looks at it, and moves payouts through a second port.

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

use super::harness::{ETHEREUM_TX, TRON_TX, TrackingHarness, arrived, failed, listen, sent};

/// What the browser's side asks for: payouts, and what happens to them.
struct Fixture {
    site: TrackingHarness,
    payouts: std::sync::Mutex<Vec<NewPayout>>,
    next: AtomicU64,
}

impl Fixture {
    /// A new payout; answers its number and the address of its page.
    async fn create(State(fixture): State<Arc<Self>>, Path(mode): Path<String>) -> String {
        let number = fixture.next.fetch_add(1, Ordering::SeqCst);
        let mode: Mode = mode.parse().unwrap();
        let payout = fixture.site.create_with(number, |terms| terms.mode = mode).await;
        let url = fixture.site.url(&payout);
        let mut payouts = fixture.payouts.lock().unwrap();
        payouts.push(payout);
        format!("{} {url}", payouts.len() - 1)
    }

    /// Something happens to a payout.
    async fn happen(
        State(fixture): State<Arc<Self>>,
        Path((index, what)): Path<(usize, String)>,
    ) -> StatusCode {
        let payout = fixture.payouts.lock().unwrap()[index].clone();
        let site = &fixture.site;
        site.clock.advance(std::time::Duration::from_secs(21));
        let report = match what.as_str() {
            "broadcast" => sent("ethereum", ETHEREUM_TX),
            "second-leg" => sent("tron", TRON_TX),
            "delivered" => arrived("tron", TRON_TX, None),
            "failed" => failed("The transaction ran out of gas.", FailedFunds::Returned, false),
            "lost" => failed("The bridge does not answer.", FailedFunds::Unknown, false),
            "reversed" => failed("The block was orphaned.", FailedFunds::Unknown, true),
            "hostile" => failed(
                "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>",
                FailedFunds::NotSent,
                false,
            ),
            "late" => {
                site.pass(700, &payout).await;
                return StatusCode::NO_CONTENT;
            }
            other => panic!("nothing is called {other}"),
        };
        site.report(&payout, report).await;
        StatusCode::NO_CONTENT
    }
}

/// Needs Chromium and Node.js: `scripts/test` sees to them and runs it.
///
/// `SCREENSHOTS` names a directory to put pictures of every state into.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_browser_sees_the_payout_move() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let made = Command::new(root.join("scripts/test-node")).stderr(Stdio::inherit()).output().await.unwrap();
    assert!(made.status.success(), "the packages for the browser's side are installed");
    let modules = String::from_utf8(made.stdout).unwrap();

    let fixture = Fixture {
        site: TrackingHarness::start().await,
        payouts: std::sync::Mutex::default(),
        next: AtomicU64::new(1),
    };
    let site = fixture.site.base.clone();
    let control = Router::new()
        .route("/create/{mode}", post(Fixture::create))
        .route("/happen/{index}/{what}", post(Fixture::happen))
        .with_state(Arc::new(fixture));
    let control = listen(control).await;
    let status = Command::new("node")
        .arg(root.join("tests/clients/node/tracking.mjs"))
        .env("NODE_MODULES", modules.trim())
        .env("SITE", site)
        .env("CONTROL", control)
        .kill_on_drop(true)
        .status()
        .await
        .unwrap();
    assert!(status.success(), "the browser saw what it should");
}
