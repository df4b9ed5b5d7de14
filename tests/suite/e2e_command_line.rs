//! The program's other commands.

use serde_json::Value;

use crate::support::{Partner, Settings, World, database};

#[tokio::test]
async fn a_key_is_printed_once_and_alone() {
    let world = World::start().await;
    let printed = world.settings.print(&["keys", "create", "--org", "acme", "--mode", "live"]).await;
    let key = printed.strip_suffix('\n').expect("one line");
    assert!(key.starts_with("sk_live_") && !key.contains(char::is_whitespace), "{printed:?}");
    Partner::new(world.payoutd.api(), key).quote(&Partner::terms()).await.expect(200);
    let list = world.settings.print(&["keys", "list"]).await;
    assert!(list.contains("acme") && !list.contains(key), "{list}");
}

#[tokio::test]
async fn reports_can_be_sent_by_hand() {
    let world = World::start().await;
    let partner = world.live().await;
    let id = partner.payout().await;
    let broadcast =
        ["report", "broadcast", &id, "--network", "tron", "--tx-hash", "a1", "--estimated-seconds", "5"];
    world.settings.print(&broadcast).await;
    partner.until_status(&id, "broadcast").await;
    world.settings.print(&["report", "delivered", &id, "--network", "tron", "--tx-hash", "a1"]).await;
    partner.until_status(&id, "delivered").await;
}

#[tokio::test]
async fn migrations_can_be_applied_beforehand_and_again() {
    let settings = Settings::new(&database().await, "amqp://127.0.0.1:9");
    settings.print(&["migrate"]).await;
    settings.print(&["migrate"]).await;
    settings.print(&["keys", "create", "--org", "acme", "--mode", "test"]).await;
}

#[tokio::test]
async fn a_setting_that_is_not_understood_is_refused_by_name() {
    let world = World::start().await;
    for (name, value) in [
        ("PAYOUTD_HTTP__LISTEN", "nowhere"),
        ("PAYOUTD_HTTP__LISTNE", "127.0.0.1:0"),
        ("PAYOUTD_QUOTES__TTL_SECONDS", "soon"),
        ("PAYOUTD_QUOTES__SIGNING_KEY", "short"),
    ] {
        let output = world.settings.clone().with(name, value).run(&["serve"]).await;
        assert!(!output.status.success(), "{name}={value} is accepted");
        let complaint = String::from_utf8(output.stderr).unwrap().to_lowercase();
        let key = name.rsplit("__").next().unwrap().to_lowercase();
        assert!(complaint.contains(&key), "{name}: {complaint}");
    }
}

#[tokio::test]
async fn the_contracts_can_be_printed() {
    let settings = Settings::new("", "");
    let openapi: Value = serde_json::from_str(&settings.print(&["openapi"]).await).unwrap();
    assert!(openapi["openapi"].as_str().unwrap().starts_with("3."), "{openapi}");
    assert!(openapi["paths"]["/payouts"].is_object());
    let asyncapi: Value = serde_json::from_str(&settings.print(&["asyncapi"]).await).unwrap();
    assert!(asyncapi["asyncapi"].as_str().unwrap().starts_with("3."), "{asyncapi}");
    assert!(asyncapi["channels"]["payouts"].is_object());
}
