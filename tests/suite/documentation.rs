//! The documentation that the program serves.

use serde_json::Value;
use tokio::process::Command;

use crate::support::{Answer, World, tools};

async fn get(world: &World, path: &str) -> Answer {
    Answer::to(reqwest::Client::new().get(format!("{}{path}", world.payoutd.api()))).await
}

#[tokio::test]
async fn the_contracts_are_served_as_they_are_printed() {
    let world = World::start_with(&[("PAYOUTD_HTTP__BASE_PATH", "/v1")]).await;
    for name in ["openapi", "asyncapi"] {
        let served = get(&world, &format!("/v1/{name}.json")).await.expect(200);
        let printed: Value = serde_json::from_str(&world.settings.print(&[name]).await).unwrap();
        assert_eq!(served, printed, "{name}");
    }
    let openapi = get(&world, "/v1/openapi.json").await.json();
    assert_eq!(openapi["servers"][0]["url"], "/v1");
    assert_eq!(openapi["servers"][1]["url"], "https://payouts.example/v1");
    let page = get(&world, "/v1/docs").await;
    assert!(page.status == 200 && page.text.contains("swagger-ui.css"), "{page:?}");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
    get(&world, "/v1/docs/nothing.js").await.expect_problem(404, "not_found");
}

/// Needs Chromium and Node.js: `scripts/test` sees to them and runs it.
#[tokio::test]
async fn a_real_browser_shows_and_tries_the_api() {
    let world = World::start().await;
    let partner = world.payoutd.partner("acme", "test").await;
    let status = Command::new("node")
        .arg(tools::root().join("tests/clients/node/documentation.mjs"))
        .env("NODE_MODULES", tools::node_modules().await)
        .env("SITE", world.payoutd.api())
        .env("KEY", partner.key())
        .kill_on_drop(true)
        .status()
        .await
        .unwrap();
    assert!(status.success(), "the browser saw what it should");
}
