//! The sandbox: the effect of each reserved `external_ref`, from the quote to the webhooks, and deterministic responses.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{HttpResponse, LOCAL_WEBHOOKS, Partner, TestApp, eventually, parse_time};
use crate::webhooks::Receiver;

/// Settings for webhook endpoints on this machine, and for a Tron route of two seconds.
const SETTINGS: [(&str, &str); 5] = [
    LOCAL_WEBHOOKS[0],
    LOCAL_WEBHOOKS[1],
    ("PAYOUTD_ROUTES__NETWORKS__TRON__FEE_USD", "0"),
    ("PAYOUTD_ROUTES__NETWORKS__TRON__SECONDS", "2"),
    ("PAYOUTD_ROUTES__NETWORKS__TRON__SECONDS_AFTER_BROADCAST", "1"),
];

const BROADCAST: &str = "payout.broadcast";
const DELIVERED: &str = "payout.delivered";
const FAILED: &str = "payout.failed";
const LATE: &str = "payout.late";

/// An `external_ref`, and the type and sequence of each webhook in the order of delivery.
type Scenario = (&'static str, &'static [(&'static str, i64)]);

const SCENARIOS: [Scenario; 11] = [
    ("order-1", &[(BROADCAST, 2), (DELIVERED, 3)]),
    ("sandbox_deliver", &[(BROADCAST, 2), (DELIVERED, 3)]),
    ("sandbox_realtime", &[(BROADCAST, 2), (DELIVERED, 3)]),
    ("sandbox_fail", &[(FAILED, 2)]),
    ("sandbox_fail:no_liquidity", &[(FAILED, 2)]),
    ("sandbox_fail:NOT A CODE", &[(BROADCAST, 2), (DELIVERED, 3)]),
    ("sandbox_stall", &[(BROADCAST, 2), (LATE, 3)]),
    ("sandbox_skip_broadcast", &[(BROADCAST, 2), (DELIVERED, 3)]),
    ("sandbox_reorg", &[(BROADCAST, 2), (DELIVERED, 3), (FAILED, 4)]),
    ("sandbox_webhook_duplicate", &[(BROADCAST, 2), (BROADCAST, 2), (DELIVERED, 3), (DELIVERED, 3)]),
    ("sandbox_webhook_reorder", &[(DELIVERED, 3), (BROADCAST, 2)]),
];

async fn execute(partner: &Partner, external_ref: &str) -> (String, HttpResponse) {
    let quote = partner.quote(&Partner::quote_request_for(external_ref)).await.expect(200);
    let quote_id = quote["quote_id"].as_str().unwrap().to_owned();
    let response = partner.execute(&quote_id).await;
    (quote_id, response)
}

/// Waits until `receiver` has `expected` webhooks of `payout`, and returns their bodies.
async fn webhooks_of(receiver: &Receiver, payout: &str, expected: usize) -> Vec<Value> {
    eventually(&format!("{expected} webhooks of {payout}"), async || {
        let own = receiver.received().into_iter().filter(|received| received.payout() == payout);
        let bodies: Vec<Value> = own.map(|received| received.body).collect();
        (bodies.len() >= expected).then_some(bodies)
    })
    .await
}

fn types_and_sequences(webhooks: &[Value]) -> Vec<(&str, i64)> {
    let of = |body: &'_ Value| body["data"]["sequence"].as_i64().unwrap();
    webhooks.iter().map(|body| (body["type"].as_str().unwrap(), of(body))).collect()
}

/// Checks the final state of a scenario.
#[track_caller]
fn assert_final_state(external_ref: &str, payout: &Value) {
    let inferred = payout["timeline"][1]["inferred"] == true;
    assert_eq!(inferred, external_ref == "sandbox_skip_broadcast", "{payout:#}");
    assert_eq!(payout["late"], external_ref == "sandbox_stall", "{payout:#}");
    let code = match external_ref {
        "sandbox_fail" => json!("sandbox_failure"),
        "sandbox_fail:no_liquidity" => json!("no_liquidity"),
        "sandbox_reorg" => json!("chain_reorganised"),
        _ => Value::Null,
    };
    assert_eq!(payout["failure"]["code"], code, "{payout:#}");
    if external_ref == "sandbox_realtime" {
        let duration = parse_time(&payout["timeline"][2]["at"]) - parse_time(&payout["created_at"]);
        assert!(
            duration >= Duration::from_millis(1_900),
            "the route takes two seconds, not {duration}: {payout:#}"
        );
    }
}

#[tokio::test]
async fn every_sandbox_scenario_sends_its_webhooks_in_its_order() {
    let app = TestApp::start_with(&SETTINGS).await;
    let (partner, receiver) = (app.payoutd.partner("acme", "test").await, Receiver::start().await);
    let endpoint = json!({ "url": receiver.url, "types": [BROADCAST, DELIVERED, FAILED, LATE] });
    HttpResponse::to(partner.post("/webhooks", &endpoint)).await.expect(201);

    let mut payouts = Vec::new();
    for (external_ref, _) in SCENARIOS {
        let (_, created) = execute(&partner, external_ref).await;
        payouts.push(created.expect(201)["id"].as_str().unwrap().to_owned());
    }
    for ((external_ref, expected), payout) in SCENARIOS.into_iter().zip(&payouts) {
        let webhooks = webhooks_of(&receiver, payout, expected.len()).await;
        assert_eq!(types_and_sequences(&webhooks), expected, "{external_ref}");
        let newest = webhooks.iter().max_by_key(|body| body["data"]["sequence"].as_i64()).unwrap();
        let (mut data, polled) = (newest["data"].clone(), partner.read(payout).await);
        data.as_object_mut().unwrap().remove("previous_status");
        assert_eq!(data, polled, "{external_ref}: the webhook equals the polled payout");
        assert_final_state(external_ref, &polled);
    }
    let all: usize = SCENARIOS.iter().map(|(_, expected)| expected.len()).sum();
    assert_eq!(receiver.received().len(), all, "no further webhook");
}

#[tokio::test]
async fn repeated_sandbox_requests_get_identical_responses() {
    let mut app = TestApp::start().await;
    let sandbox = app.payoutd.partner("acme", "test").await;
    let request = Partner::quote_request();
    let (first_quote, second_quote) = (sandbox.quote(&request).await, sandbox.quote(&request).await);
    first_quote.expect(200);
    assert_eq!(first_quote.text, second_quote.text, "with two idempotency keys");

    let (quote_id, first) = execute(&sandbox, "order-1").await;
    let id = first.expect(201)["id"].as_str().unwrap().to_owned();
    assert_eq!(sandbox.execute(&quote_id).await.text, first.text, "immediately");
    sandbox.wait_for_status(&id, "delivered").await;
    let later = sandbox.execute(&quote_id).await;
    assert_eq!((later.status, &later.text), (201, &first.text), "after the payout changed");
    assert_eq!(later.header("location"), first.header("location"));

    app.payoutd.kill().await;
    app.payoutd.restart().await;
    let sandbox = app.payoutd.reconnect(&sandbox);
    assert_eq!(sandbox.execute(&quote_id).await.text, first.text, "from another process");

    let other = app.payoutd.partner("other", "test").await;
    let (_, created) = execute(&other, "order-1").await;
    assert_ne!(created.expect(201)["id"], json!(id), "another organisation gets another payout");
}
