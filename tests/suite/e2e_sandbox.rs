//! The sandbox through the real program: what every reserved `external_ref` leads to, from the quote to the webhook, and
//! that the same request has the same answer.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Partner, World, eventually, parse_time};
use crate::webhooks::Receiver;

/// Receivers on this machine, and a Tron route that takes two seconds.
const SETTINGS: [(&str, &str); 5] = [
    ("PAYOUTD_WEBHOOKS__ALLOW_INSECURE", "true"),
    ("PAYOUTD_WEBHOOKS__ALLOW_PRIVATE_ADDRESSES", "true"),
    ("PAYOUTD_ROUTES__NETWORKS__TRON__FEE_USD", "0"),
    ("PAYOUTD_ROUTES__NETWORKS__TRON__SECONDS", "2"),
    ("PAYOUTD_ROUTES__NETWORKS__TRON__SECONDS_AFTER_BROADCAST", "1"),
];

const BROADCAST: &str = "payout.broadcast";
const DELIVERED: &str = "payout.delivered";
const FAILED: &str = "payout.failed";
const LATE: &str = "payout.late";

/// A scenario, and what an endpoint is told of it: type and sequence, in the order in which it comes.
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

fn terms(external_ref: &str) -> Value {
    let mut terms = Partner::terms();
    terms["external_ref"] = json!(external_ref);
    terms
}

async fn execute(partner: &Partner, external_ref: &str) -> (String, Answer) {
    let quote = partner.quote(&terms(external_ref)).await.expect(200);
    let quote_id = quote["quote_id"].as_str().unwrap().to_owned();
    let answer = partner.execute(&quote_id).await;
    (quote_id, answer)
}

/// What `receiver` was told of `payout`, once that is as much as is expected.
async fn told(receiver: &Receiver, payout: &str, expected: usize) -> Vec<Value> {
    eventually(&format!("{expected} webhooks of {payout}"), async || {
        let own = receiver.received().into_iter().filter(|received| received.payout() == payout);
        let told: Vec<Value> = own.map(|received| received.body).collect();
        (told.len() >= expected).then_some(told)
    })
    .await
}

fn types_and_sequences(told: &[Value]) -> Vec<(&str, i64)> {
    let of = |body: &'_ Value| body["data"]["sequence"].as_i64().unwrap();
    told.iter().map(|body| (body["type"].as_str().unwrap(), of(body))).collect()
}

/// What is special about a scenario's end.
#[track_caller]
fn check_end(external_ref: &str, payout: &Value) {
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
        let took = parse_time(&payout["timeline"][2]["at"]) - parse_time(&payout["created_at"]);
        assert!(took >= Duration::from_millis(1_900), "the route's two seconds, not {took}: {payout:#}");
    }
}

#[tokio::test]
async fn every_scenario_goes_from_the_quote_to_the_webhook() {
    let world = World::start_with(&SETTINGS).await;
    let (partner, receiver) = (world.payoutd.partner("acme", "test").await, Receiver::start().await);
    let endpoint = json!({ "url": receiver.url, "types": [BROADCAST, DELIVERED, FAILED, LATE] });
    Answer::to(partner.post("/webhooks", &endpoint)).await.expect(201);

    let mut payouts = Vec::new();
    for (external_ref, _) in SCENARIOS {
        let (_, created) = execute(&partner, external_ref).await;
        payouts.push(created.expect(201)["id"].as_str().unwrap().to_owned());
    }
    for ((external_ref, expected), payout) in SCENARIOS.into_iter().zip(&payouts) {
        let told = told(&receiver, payout, expected.len()).await;
        assert_eq!(types_and_sequences(&told), expected, "{external_ref}");
        let newest = told.iter().max_by_key(|body| body["data"]["sequence"].as_i64()).unwrap();
        let (mut data, shown) = (newest["data"].clone(), partner.read(payout).await);
        data.as_object_mut().unwrap().remove("previous_status");
        assert_eq!(data, shown, "{external_ref}: exactly what a poll shows");
        check_end(external_ref, &shown);
    }
    let all: usize = SCENARIOS.iter().map(|(_, expected)| expected.len()).sum();
    assert_eq!(receiver.received().len(), all, "and nothing else was told");
}

#[tokio::test]
async fn the_same_request_has_the_same_answer_byte_for_byte() {
    let mut world = World::start().await;
    let sandbox = world.payoutd.partner("acme", "test").await;
    let (first_quote, second_quote) =
        (sandbox.quote(&terms("order-1")).await, sandbox.quote(&terms("order-1")).await);
    first_quote.expect(200);
    assert_eq!(first_quote.text, second_quote.text, "under two idempotency keys");

    let (quote_id, first) = execute(&sandbox, "order-1").await;
    let id = first.expect(201)["id"].as_str().unwrap().to_owned();
    assert_eq!(sandbox.execute(&quote_id).await.text, first.text, "at once");
    sandbox.until_status(&id, "delivered").await;
    let later = sandbox.execute(&quote_id).await;
    assert_eq!((later.status, &later.text), (201, &first.text), "when the payout has moved on");
    assert_eq!(later.header("location"), first.header("location"));

    world.payoutd.kill().await;
    world.payoutd.start_again().await;
    let sandbox = world.payoutd.again(&sandbox);
    assert_eq!(sandbox.execute(&quote_id).await.text, first.text, "by another process");

    let other = world.payoutd.partner("other", "test").await;
    let (_, theirs) = execute(&other, "order-1").await;
    assert_ne!(theirs.expect(201)["id"], json!(id), "another organisation's is its own");
}
