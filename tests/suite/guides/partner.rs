//! `docs/partner-guide.md`.

use std::collections::BTreeSet;

use payoutd::http::Code;
use serde_json::{Value, json};

use super::guide::Guide;
use crate::support::World;

/// Receivers on this machine are for development.
const DEVELOPMENT: [(&str, &str); 2] =
    [("PAYOUTD_WEBHOOKS__ALLOW_INSECURE", "true"), ("PAYOUTD_WEBHOOKS__ALLOW_PRIVATE_ADDRESSES", "true")];

fn guide() -> Guide {
    Guide::read("partner-guide.md")
}

#[tokio::test]
async fn the_partner_guide_does_what_it_says() {
    let world = World::start_with(&DEVELOPMENT).await;
    let partner = world.payoutd.partner("acme", "test").await;
    let port = free_port().to_string();
    let printed = guide().run(&[("API", world.payoutd.api()), ("KEY", partner.key()), ("PORT", &port)]).await;
    for expected in
        ["304\n", "3 delivered", "payout.test", "payout.delivered", "event: payout.delivered", "\"returned\""]
    {
        assert!(printed.contains(expected), "{expected} is missing in\n{printed}");
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Every row of the table of scenarios is tried, but the one that takes the route's time.
#[tokio::test]
async fn the_sandbox_does_what_the_partner_guide_says() {
    let world = World::start().await;
    let partner = world.payoutd.partner("acme", "test").await;
    let rows = guide().table("| `external_ref` | what happens |");
    assert_eq!(rows.len(), 9);
    for row in rows.iter().filter(|row| row[0] != "sandbox_realtime") {
        let terms = json!({
            "external_ref": row[0],
            "destination": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
            "asset": "USDT",
            "amount": "25",
        });
        let quote = partner.quote(&terms).await.expect(200);
        let payout = partner.execute(quote["quote_id"].as_str().unwrap()).await.expect(201);
        let payout = partner.until_status(payout["id"].as_str().unwrap(), &row[2]).await;
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
fn the_partner_guide_knows_every_code() {
    let rows = guide().table("| status | `code` | what to do |");
    let said: BTreeSet<(String, String)> = rows.iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    let known = Code::ALL.map(|code| (code.status().as_str().to_owned(), code.to_string()));
    assert_eq!(said, BTreeSet::from(known));
}

#[test]
fn the_partner_guide_knows_where_money_can_be() {
    let rows = guide().table("| `funds.location` | meaning |");
    let said: BTreeSet<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    let document: Value = payoutd::http::openapi(None, &payoutd::http::BasePath::default());
    let places = &document["components"]["schemas"]["Funds"]["properties"]["location"]["enum"];
    let known: BTreeSet<&str> =
        places.as_array().unwrap().iter().map(|place| place.as_str().unwrap()).collect();
    assert_eq!(said, known);
}
