//! `docs/partner-guide.md`.

use std::collections::BTreeSet;

use payoutd::http::Code;
use serde_json::Value;

use super::guide::Guide;
use crate::support::{LOCAL_WEBHOOKS, Partner, TestApp};

fn guide() -> Guide {
    Guide::read("partner-guide.md")
}

#[tokio::test]
async fn the_commands_of_the_partner_guide_work() {
    let app = TestApp::start_with(&LOCAL_WEBHOOKS).await;
    let partner = app.payoutd.partner("acme", "test").await;
    let port = free_port().to_string();
    let printed = guide().run(&[("API", app.payoutd.api()), ("KEY", partner.key()), ("PORT", &port)]).await;
    for expected in
        ["304\n", "3 delivered", "payout.test", "payout.delivered", "event: payout.delivered", "\"returned\""]
    {
        assert!(printed.contains(expected), "{expected} is missing in\n{printed}");
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs each row of the table of scenarios, except the one that takes the duration of the route.
#[tokio::test]
async fn the_sandbox_scenarios_end_as_the_partner_guide_states() {
    let app = TestApp::start().await;
    let partner = app.payoutd.partner("acme", "test").await;
    let rows = guide().table("| `external_ref` | what happens |");
    assert_eq!(rows.len(), 9);
    for row in rows.iter().filter(|row| row[0] != "sandbox_realtime") {
        let quote = partner.quote(&Partner::quote_request_for(&row[0])).await.expect(200);
        let payout = partner.execute(quote["quote_id"].as_str().unwrap()).await.expect(201);
        let payout = partner.wait_for_status(payout["id"].as_str().unwrap(), &row[2]).await;
        let location = match (row[0].as_str(), row[2].as_str()) {
            ("sandbox_reorg", _) => "returned",
            (_, "failed") => "sender",
            (_, "broadcast") => "in_transit",
            (_, _) => "recipient",
        };
        assert_eq!(payout["funds"]["location"], location, "{}", row[0]);
        assert_eq!(payout["funds"]["safe_to_retry"], row[2] == "failed", "{}", row[0]);
    }
}

#[test]
fn the_partner_guide_lists_every_error_code() {
    let rows = guide().table("| status | `code` | what to do |");
    let documented: BTreeSet<(String, String)> =
        rows.iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    let known = Code::ALL.map(|code| (code.status().as_str().to_owned(), code.to_string()));
    assert_eq!(documented, BTreeSet::from(known));
}

#[test]
fn the_partner_guide_lists_every_location_of_the_funds() {
    let rows = guide().table("| `funds.location` | meaning |");
    let documented: BTreeSet<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    let document: Value = payoutd::http::openapi(None, &payoutd::http::BasePath::default());
    let locations = &document["components"]["schemas"]["Funds"]["properties"]["location"]["enum"];
    let known: BTreeSet<&str> =
        locations.as_array().unwrap().iter().map(|location| location.as_str().unwrap()).collect();
    assert_eq!(documented, known);
}
