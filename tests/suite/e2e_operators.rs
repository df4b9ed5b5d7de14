//! The listener for operators, the log, and SIGTERM.

use crate::support::{HttpResponse, Payoutd, Report, Settings, TestApp, database, eventually};

#[tokio::test]
async fn livez_readyz_and_metrics_respond() {
    let app = TestApp::start().await;
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(app.payoutd.ops_get(path).await.status, 200, "{path}");
    }
    let partner = app.live_partner().await;
    let id = partner.create_payout().await;
    app.watcher().await.publish([Report::broadcast(&id, "a1", 5)]).await;
    partner.wait_for_status(&id, "broadcast").await;
    eventually("the report is counted", || async {
        (app.payoutd.metric("payoutd_reports_total", "broadcast").await == 1.0).then_some(())
    })
    .await;
    let scrape = app.payoutd.ops_get("/metrics").await.text;
    for line in scrape.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        assert!(line.starts_with("payoutd_"), "{line}");
    }
    assert!(!scrape.contains(&id), "no label contains a payout id");
}

#[tokio::test]
async fn the_partner_api_does_not_serve_the_paths_of_operators() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    for path in ["/metrics", "/livez", "/readyz", "/ops"] {
        HttpResponse::to(partner.get(path)).await.expect_problem(404, "not_found");
    }
}

#[tokio::test]
async fn the_operators_listener_requires_its_token() {
    let app = TestApp::start_with(&[("PAYOUTD_OPS__TOKEN", "a-token-for-operators-only")]).await;
    let without = app.payoutd.ops_get("/metrics").await;
    assert_eq!(without.status, 401, "{without:?}");
    let wrong = app.payoutd.ops_request("/metrics").bearer_auth("another-token");
    assert_eq!(HttpResponse::to(wrong).await.status, 401);
    let right = app.payoutd.ops_request("/metrics").bearer_auth("a-token-for-operators-only");
    assert_eq!(HttpResponse::to(right).await.status, 200);
}

#[tokio::test]
async fn sigterm_ends_the_process_with_exit_code_0() {
    let mut app = TestApp::start().await;
    let partner = app.live_partner().await;
    let id = partner.create_payout().await;
    app.payoutd.terminate().await;
    app.payoutd.restart().await;
    assert_eq!(app.payoutd.reconnect(&partner).read(&id).await["status"], "pending");
}

#[tokio::test]
async fn without_a_broker_the_process_is_alive_but_not_ready() {
    let settings = Settings::new(&database().await, "amqp://127.0.0.1:9");
    let payoutd = Payoutd::start_until_listening(&settings).await;
    assert_eq!(payoutd.ops_get("/livez").await.status, 200);
    assert_eq!(payoutd.readiness().await, 503);
}

#[tokio::test]
async fn the_log_contains_no_secrets() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let id = partner.create_payout().await;
    let tracking_url = partner.read(&id).await["tracking_url"].clone();
    let token = tracking_url.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let log = app.payoutd.log();
    let password = app.database_url.split(['@', ':']).nth(2).unwrap();
    for secret in [partner.key(), &token, password, &"5eed".repeat(16)] {
        assert!(!log.contains(secret), "{log}");
    }
    assert!(!log.is_empty());
}
