//! A request with a key is done once, whatever happens between the two ends.

use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::support::{Answer, Partner, World, count, eventually, within};

async fn ask(partner: &Partner, path: &str, key: &str, body: &Value) -> Answer {
    Answer::to(partner.post(path, body).header("Idempotency-Key", key)).await
}

fn order(quote: &Answer) -> Value {
    json!({ "quote_id": quote.json()["quote_id"] })
}

#[track_caller]
fn assert_same(again: &Answer, first: &Answer) {
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_eq!(again.header("idempotent-replayed"), Some("true"), "{again:?}");
}

#[tokio::test]
async fn answers_are_the_same_after_a_restart() {
    let mut world = World::start().await;
    let live = world.live().await;
    let sandbox = world.payoutd.partner("acme", "test").await;
    let mut made = Vec::new();
    for partner in [&live, &sandbox] {
        let quote = ask(partner, "/payouts/quote", "q", &Partner::terms()).await;
        let body = order(&quote);
        let payout = ask(partner, "/payouts", "p", &body).await;
        payout.expect(201);
        let refused = ask(partner, "/payouts", "r", &json!({ "quote_id": "quo_nowhere" })).await;
        refused.expect_problem(404, "quote_not_found");
        let hook = json!({ "url": "https://example.com/hook" });
        let endpoint = ask(partner, "/webhooks", "w", &hook).await;
        endpoint.expect(201);
        made.push((partner.clone(), quote, body, payout, refused, endpoint, hook));
    }
    let used = ask(&live, "/payouts", "another", &made[0].2).await;
    assert_eq!(used.expect_problem(409, "quote_already_used")["payout_id"], made[0].3.json()["id"]);
    world.payoutd.kill().await;
    world.payoutd.start_again().await;
    for (partner, quote, body, payout, refused, endpoint, hook) in made {
        let partner = world.payoutd.again(&partner);
        assert_same(&ask(&partner, "/payouts/quote", "q", &Partner::terms()).await, &quote);
        assert_same(&ask(&partner, "/payouts", "p", &body).await, &payout);
        let nowhere = json!({ "quote_id": "quo_nowhere" });
        assert_same(&ask(&partner, "/payouts", "r", &nowhere).await, &refused);
        assert_same(&ask(&partner, "/webhooks", "w", &hook).await, &endpoint);
        let conflict = ask(&partner, "/payouts", "q", &body).await;
        conflict.expect_problem(409, "idempotency_conflict");
    }
    assert_eq!(count(&world.database_url, "payouts").await, 2);
    assert_eq!(count(&world.database_url, "quotes").await, 2);
    assert_eq!(count(&world.database_url, "webhook_endpoints").await, 2);
}

#[tokio::test]
async fn of_two_hundred_at_once_with_one_key_one_is_done() {
    const CALLS: usize = 200;
    let world = World::start().await;
    for (mode, effects) in [("live", 1), ("test", 2)] {
        let partner = world.payoutd.partner("acme", mode).await;
        let quotes = all_at_once(&partner, CALLS, "/payouts/quote", "q", Partner::terms()).await;
        let payouts = all_at_once(&partner, CALLS, "/payouts", "p", order(&quotes)).await;
        assert_eq!((quotes.status, payouts.status), (200, 201));
        assert_eq!(count(&world.database_url, "quotes").await, effects);
        assert_eq!(count(&world.database_url, "payouts").await, effects);
    }
}

/// The one answer that all those get who are not told to wait.
async fn all_at_once(
    partner: &Partner,
    calls: usize,
    path: &'static str,
    key: &'static str,
    body: Value,
) -> Answer {
    let together = Arc::new(Barrier::new(calls));
    let calls: Vec<_> = (0..calls)
        .map(|_| {
            let (partner, together, body) = (partner.clone(), Arc::clone(&together), body.clone());
            tokio::spawn(async move {
                together.wait().await;
                ask(&partner, path, key, &body).await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for call in calls {
        let answer = call.await.unwrap();
        if answer.status == 409 {
            answer.expect_problem(409, "idempotency_in_progress");
        } else {
            answers.push(answer);
        }
    }
    let texts: BTreeSet<_> = answers.iter().map(|answer| &answer.text).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    let first = answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count();
    assert_eq!(first, 1, "one of them was the first");
    answers.swap_remove(0)
}

/// A partner whose server dies and comes back elsewhere.
#[derive(Clone)]
struct Persistent(Arc<RwLock<Partner>>);

impl Persistent {
    /// Asks until there is an answer that is the last word.
    async fn ask(&self, path: &str, key: &str, body: &Value) -> Answer {
        within(Duration::from_secs(90), "an answer", || async {
            let partner = self.0.read().unwrap().clone();
            let request = partner.post(path, body).header("Idempotency-Key", key);
            let answer = Answer::try_to(request).await.ok()?;
            let waits = answer.status == 503 || answer.text.contains("idempotency_in_progress");
            (!waits).then_some(answer)
        })
        .await
    }
}

/// Every request is made over and over, also after it was answered, while the process is killed again and again.
#[tokio::test]
async fn killed_between_effect_and_answer_it_answers_the_same() {
    const CUSTOMERS: usize = 40;
    const KILLS: u64 = 5;
    let mut world = World::start().await;
    let partner = Persistent(Arc::new(RwLock::new(world.live().await)));
    let customers: Vec<_> = (0..CUSTOMERS)
        .map(|number| {
            tokio::spawn(customer(partner.clone(), number, Duration::from_millis(8 * number as u64)))
        })
        .collect();
    for kill in 0..KILLS {
        // What it is in the middle of differs from run to run.
        tokio::time::sleep(Duration::from_millis(20 + 35 * kill)).await;
        world.payoutd.kill().await;
        world.payoutd.start_again().await;
        let moved = world.payoutd.again(&partner.0.read().unwrap().clone());
        *partner.0.write().unwrap() = moved;
    }
    let mut payouts = BTreeSet::new();
    for customer in customers {
        payouts.insert(customer.await.unwrap());
    }
    assert_eq!(payouts.len(), CUSTOMERS);
    assert_eq!(count(&world.database_url, "payouts").await, CUSTOMERS as i64, "one payout per key");
    assert_eq!(count(&world.database_url, "quotes").await, CUSTOMERS as i64, "one quote per key");
    assert_eq!(count(&world.database_url, "kept_answers").await, 2 * CUSTOMERS as i64);
}

/// Quotes and executes under two keys of its own, again and again, and returns the payout.
async fn customer(partner: Persistent, number: usize, begins_after: Duration) -> String {
    tokio::time::sleep(begins_after).await;
    let terms = json!({
        "external_ref": format!("order-{number}"), "destination": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
        "asset": "USDT", "amount": "25.00",
    });
    let (quoting, executing) = (format!("quote-{number}"), format!("execute-{number}"));
    let quote = partner.ask("/payouts/quote", &quoting, &terms).await;
    quote.expect(200);
    let payout = partner.ask("/payouts", &executing, &order(&quote)).await;
    payout.expect(201);
    for _ in 0..10 {
        assert_same(&partner.ask("/payouts/quote", &quoting, &terms).await, &quote);
        assert_same(&partner.ask("/payouts", &executing, &order(&quote)).await, &payout);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    payout.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn who_calls_too_often_is_told_to_wait_and_then_served() {
    let world = World::start_with(&[
        ("PAYOUTD_LIMITS__WRITES_PER_SECOND", "5"),
        ("PAYOUTD_LIMITS__WRITES_BURST", "10"),
        ("PAYOUTD_LIMITS__READS_PER_SECOND", "200"),
        ("PAYOUTD_LIMITS__REFUSED_KEYS_PER_MINUTE", "5"),
    ])
    .await;
    let partner = world.live().await;
    let refused = eventually("it is too often", || async {
        let answer = partner.quote(&Partner::terms()).await;
        assert_eq!(answer.header("ratelimit-policy"), Some(r#""write";q=10;w=2"#), "{answer:?}");
        (answer.status != 200).then_some(answer)
    })
    .await;
    refused.expect_problem(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.header("ratelimit").unwrap().starts_with(r#""write";r=0;t="#), "{refused:?}");
    partner.poll("pay_x").await.expect_problem(404, "payout_not_found");
    world.payoutd.partner("acme", "live").await.quote(&Partner::terms()).await.expect(200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    partner.quote(&Partner::terms()).await.expect(200);

    let stranger = Partner::new(world.payoutd.api(), "sk_live_guess");
    let refused = eventually("guesses are too many", || async {
        let answer = stranger.poll("pay_x").await;
        (answer.status != 401).then_some(answer)
    })
    .await;
    refused.expect_problem(429, "rate_limited");
    assert!(refused.header("retry-after").is_some());
    partner.poll("pay_x").await.expect_problem(404, "payout_not_found");
}
