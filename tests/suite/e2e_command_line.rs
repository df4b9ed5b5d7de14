//! The commands of the program other than `serve`.

use serde_json::Value;

use crate::support::{Partner, Settings, TestApp, database};

#[tokio::test]
async fn keys_create_prints_only_the_key_and_keys_list_does_not_print_it() {
    let app = TestApp::start().await;
    let printed = app.settings.stdout_of(&["keys", "create", "--org", "acme", "--mode", "live"]).await;
    let key = printed.strip_suffix('\n').expect("one line");
    assert!(key.starts_with("sk_live_") && !key.contains(char::is_whitespace), "{printed:?}");
    Partner::new(app.payoutd.api(), key).quote(&Partner::quote_request()).await.expect(200);
    let list = app.settings.stdout_of(&["keys", "list"]).await;
    assert!(list.contains("acme") && !list.contains(key), "{list}");
}

#[tokio::test]
async fn the_report_command_publishes_a_report() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let id = partner.create_payout().await;
    let broadcast =
        ["report", "broadcast", &id, "--network", "tron", "--tx-hash", "a1", "--estimated-seconds", "5"];
    app.settings.stdout_of(&broadcast).await;
    partner.wait_for_status(&id, "broadcast").await;
    app.settings.stdout_of(&["report", "delivered", &id, "--network", "tron", "--tx-hash", "a1"]).await;
    partner.wait_for_status(&id, "delivered").await;
}

#[tokio::test]
async fn the_migrate_command_can_be_repeated() {
    let settings = Settings::new(&database().await, "amqp://127.0.0.1:9");
    settings.stdout_of(&["migrate"]).await;
    settings.stdout_of(&["migrate"]).await;
    settings.stdout_of(&["keys", "create", "--org", "acme", "--mode", "test"]).await;
}

#[tokio::test]
async fn an_invalid_setting_ends_the_program_with_an_error_that_names_the_key() {
    let settings = Settings::new("", "").with("PAYOUTD_QUOTES__TTL_SECONDS", "soon");
    let output = settings.run(&["serve"]).await;
    assert!(!output.status.success(), "the setting is accepted");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("quotes.ttl_seconds"), "{error}");
}

#[tokio::test]
async fn the_program_prints_its_openapi_and_asyncapi_documents() {
    let settings = Settings::new("", "");
    let openapi: Value = serde_json::from_str(&settings.stdout_of(&["openapi"]).await).unwrap();
    assert!(openapi["openapi"].as_str().unwrap().starts_with("3."), "{openapi}");
    assert!(openapi["paths"]["/payouts"].is_object());
    let asyncapi: Value = serde_json::from_str(&settings.stdout_of(&["asyncapi"]).await).unwrap();
    assert!(asyncapi["asyncapi"].as_str().unwrap().starts_with("3."), "{asyncapi}");
    assert!(asyncapi["channels"]["payouts"].is_object());
}
