//! Those who call too often wait.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;

use super::world::{Answer, LIVE, OTHER, REFUSED_PER_MINUTE, TEST, World, get, post};
use crate::http::{ApiConfig, LimitsConfig};
use crate::runtime::rate_limit::Rate;

async fn limited(reads: Option<Rate>, writes: Option<Rate>) -> World {
    World::limited(ApiConfig::default(), LimitsConfig { reads, writes }).await
}

const NOTHING: &str = "/payouts/pay_x";

#[tokio::test(start_paused = true)]
async fn every_answer_says_what_is_left() {
    let world =
        limited(Some(Rate { per_second: 200.0, burst: 400 }), Some(Rate { per_second: 100.0, burst: 200 }))
            .await;
    let read = world.send(get(NOTHING, LIVE)).await;
    read.assert_problem(404, "payout_not_found");
    assert_eq!(read.header("ratelimit-policy"), r#""read";q=400;w=2"#);
    assert_eq!(read.header("ratelimit"), r#""read";r=399;t=1"#);
    let written = world.send(post("/payouts", LIVE, "{}")).await;
    assert_eq!(written.header("ratelimit-policy"), r#""write";q=200;w=2"#);
    assert_eq!(written.header("ratelimit"), r#""write";r=199;t=1"#);
    assert_eq!(world.send(get(NOTHING, "sk_live_nobody")).await.header("ratelimit"), "");
    let unlimited = World::new().await;
    let answer = unlimited.send(get(NOTHING, LIVE)).await;
    assert_eq!((answer.header("ratelimit"), answer.header("ratelimit-policy")), ("", ""));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_calls_too_often_waits_and_no_other_does() {
    let world = limited(None, Some(Rate { per_second: 0.5, burst: 3 })).await;
    for left in [2, 1, 0] {
        let answer = world.send(post("/payouts", LIVE, "{}")).await;
        answer.assert_problem(422, "validation_error");
        assert!(answer.header("ratelimit").starts_with(&format!(r#""write";r={left};t="#)), "{answer:?}");
    }
    let refused = world.send(post("/payouts", LIVE, "{}")).await;
    refused.assert_problem(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "2");
    assert_eq!(refused.header("ratelimit"), r#""write";r=0;t=2"#);
    assert_eq!(refused.header("ratelimit-policy"), r#""write";q=3;w=6"#);
    for key in [TEST, OTHER] {
        world.send(post("/payouts", key, "{}")).await.assert_problem(422, "validation_error");
    }
    world.send(get(NOTHING, LIVE)).await.assert_problem(404, "payout_not_found");
    tokio::time::advance(Duration::from_secs(2)).await;
    world.send(post("/payouts", LIVE, "{}")).await.assert_problem(422, "validation_error");
}

async fn from(world: &World, address: &str, key: &str) -> Answer {
    let mut request: Request<Body> = get(NOTHING, key);
    let address: SocketAddr = address.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(address));
    world.send(request).await
}

#[tokio::test(start_paused = true)]
async fn whoever_guesses_keys_is_slowed_down() {
    let world = World::new().await;
    from(&world, "192.0.2.1:1", LIVE).await.assert_problem(404, "payout_not_found");
    for guess in 0..REFUSED_PER_MINUTE {
        let answer = from(&world, "192.0.2.1:1", &format!("sk_live_guess{guess}")).await;
        answer.assert_problem(401, "invalid_api_key");
    }
    for key in ["sk_live_again", "nonsense", TEST] {
        let answer = from(&world, "192.0.2.1:2", key).await;
        answer.assert_problem(429, "rate_limited");
        assert_eq!(answer.header("retry-after"), "2", "{key}");
        assert_eq!(answer.header("ratelimit"), r#""refused-keys";r=0;t=2"#);
    }
    from(&world, "192.0.2.1:1", LIVE).await.assert_problem(404, "payout_not_found");
    from(&world, "192.0.2.2:1", TEST).await.assert_problem(404, "payout_not_found");
    from(&world, "192.0.2.2:1", "sk_live_other_guess").await.assert_problem(401, "invalid_api_key");
    tokio::time::advance(Duration::from_secs(2)).await;
    from(&world, "192.0.2.1:1", "sk_live_again").await.assert_problem(401, "invalid_api_key");
    from(&world, "192.0.2.1:1", "sk_live_again").await.assert_problem(429, "rate_limited");
}

#[tokio::test(start_paused = true)]
async fn a_whole_ipv6_network_is_one_guesser() {
    let world = World::new().await;
    for guess in 0..REFUSED_PER_MINUTE {
        let address = format!("[2001:db8:0:7::{guess:x}]:1");
        from(&world, &address, "sk_live_guess").await.assert_problem(401, "invalid_api_key");
    }
    from(&world, "[2001:db8:0:7:ffff::1]:1", "sk_live_guess").await.assert_problem(429, "rate_limited");
    from(&world, "[2001:db8:0:8::1]:1", "sk_live_guess").await.assert_problem(401, "invalid_api_key");
}
