//! The API documents and the documentation page that the program serves.

use serde_json::Value;
use tokio::process::Command;

use crate::support::{HttpResponse, TestApp, tools};

async fn get(app: &TestApp, path: &str) -> HttpResponse {
    HttpResponse::to(reqwest::Client::new().get(format!("{}{path}", app.payoutd.api()))).await
}

#[tokio::test]
async fn the_served_documents_equal_the_printed_ones() {
    let app = TestApp::start_with(&[("PAYOUTD_HTTP__BASE_PATH", "/v1")]).await;
    for name in ["openapi", "asyncapi"] {
        let served = get(&app, &format!("/{name}.json")).await.expect(200);
        let printed: Value = serde_json::from_str(&app.settings.stdout_of(&[name]).await).unwrap();
        assert_eq!(served, printed, "{name}");
    }
    let openapi = get(&app, "/openapi.json").await.json();
    assert_eq!(openapi["servers"][0]["url"], "/v1");
    assert_eq!(openapi["servers"][1]["url"], "https://payouts.example/v1");
    let page = get(&app, "/docs").await;
    assert!(page.status == 200 && page.text.contains("swagger-ui.css"), "{page:?}");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
    get(&app, "/docs/nothing.js").await.expect_problem(404, "not_found");
}

/// Needs Chromium and Node.js, which `scripts/test` provides.
#[tokio::test]
async fn the_documentation_page_works_in_a_browser() {
    let app = TestApp::start().await;
    let partner = app.payoutd.partner("acme", "test").await;
    let status = Command::new("node")
        .arg(tools::root().join("tests/clients/node/documentation.mjs"))
        .env("NODE_MODULES", tools::node_modules().await)
        .env("SITE", app.payoutd.api())
        .env("KEY", partner.key())
        .kill_on_drop(true)
        .status()
        .await
        .unwrap();
    assert!(status.success(), "the browser test passes");
}
