//! The life cycle of one payout through the partner API.

use reqwest::header::LOCATION;
use serde_json::{Value, json};
use time::Duration;

use crate::support::{Partner, Report, TestApp, parse_time, timeline_sequences, timeline_statuses};

#[tokio::test]
async fn a_payout_is_quoted_executed_broadcast_and_delivered() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let mut watcher = app.watcher().await;

    let quote = partner.quote(&Partner::quote_request()).await.expect(200);
    let response = partner.execute(quote["quote_id"].as_str().unwrap()).await;
    let created = response.expect(201);
    let id = created["id"].as_str().unwrap();
    assert!(id.starts_with("pay_"), "{id}");
    assert_eq!(response.header(LOCATION.as_str()), Some(format!("/payouts/{id}").as_str()));
    assert_eq!((&created["status"], &created["sequence"]), (&json!("pending"), &json!(1)));
    for field in ["quote_id", "user_sends", "recipient_gets", "fee_total_usd", "route"] {
        assert_eq!(created["quote"][field], quote[field], "{field} equals the quote");
    }
    let route_seconds = quote["route"]["estimated_seconds"].as_i64().unwrap();
    let initial_estimate = parse_time(&created["estimated_delivery_at"]);
    assert_eq!(initial_estimate - parse_time(&created["created_at"]), Duration::seconds(route_seconds));

    let broadcast = Report::broadcast(id, "a1", 3);
    watcher.publish([broadcast.clone()]).await;
    let in_transit = partner.wait_for_status(id, "broadcast").await;
    assert_eq!(in_transit["sequence"], 2);
    let expected = parse_time(&in_transit["estimated_delivery_at"]);
    assert!(expected < initial_estimate, "the broadcast shortens the estimate");
    assert!((expected - broadcast.time() - Duration::seconds(3)).abs() < Duration::milliseconds(1));
    assert_eq!(in_transit["funds"], json!({ "location": "in_transit", "safe_to_retry": false }));

    let report =
        Report::delivered(id, "a1").with_data("recipient_amount", "24.99").with_data("fees_paid_usd", "1.23");
    watcher.publish([report]).await;
    let delivered = partner.wait_for_status(id, "delivered").await;
    assert_eq!(timeline_statuses(&delivered), ["pending", "broadcast", "delivered"]);
    assert_eq!(timeline_sequences(&delivered), [1, 2, 3]);
    assert_eq!(delivered["timeline"][2]["tx_hash"], "a1");
    assert_eq!(delivered["timeline"][2]["inferred"], false);
    assert_eq!(delivered["estimated_delivery_at"], delivered["timeline"][2]["at"]);
    assert_eq!(delivered["final_recipient_amount"], "24.99");
    assert_eq!(delivered["fees_paid_usd"], "1.23");
    assert_eq!(delivered["funds"]["location"], "recipient");
    assert_eq!((&delivered["failure"], &delivered["late"]), (&Value::Null, &json!(false)));
    for field in ["recommendation", "insufficient_funds"] {
        assert!(delivered.get(field).is_none(), "only quotes have {field}");
    }
}

#[tokio::test]
async fn a_failed_payout_has_a_failure_code_and_the_location_of_the_funds() {
    let app = TestApp::start().await;
    let partner = app.live_partner().await;
    let id = partner.create_payout().await;
    app.watcher().await.publish([Report::failed(&id, "signing_refused")]).await;
    let failed = partner.wait_for_status(&id, "failed").await;
    assert_eq!(failed["failure"]["code"], "signing_refused");
    assert_eq!(failed["failure"]["message"], "It did not work.");
    assert_eq!(failed["estimated_delivery_at"], Value::Null);
    assert_eq!(failed["funds"], json!({ "location": "sender", "safe_to_retry": true }));
}
