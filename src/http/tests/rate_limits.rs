//! Rate limits per API key, and the limit on invalid keys per address.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;

use super::test_app::{FAILED_ATTEMPTS_PER_MINUTE, LIVE, OTHER, TEST, TestApp, TestResponse, get, post_json};
use crate::http::RateLimitsConfig;
use crate::runtime::rate_limit::Rate;

async fn limited(reads: Option<Rate>, writes: Option<Rate>) -> TestApp {
    TestApp::with_rate_limits(RateLimitsConfig { reads, writes }).await
}

const NOTHING: &str = "/payouts/pay_x";

#[tokio::test(start_paused = true)]
async fn every_response_states_the_remaining_requests() {
    let app =
        limited(Some(Rate { per_second: 200.0, burst: 400 }), Some(Rate { per_second: 100.0, burst: 200 }))
            .await;
    let read = app.send(get(NOTHING, LIVE)).await;
    read.assert_problem(404, "payout_not_found");
    assert_eq!(read.header("ratelimit-policy"), r#""read";q=400;w=2"#);
    assert_eq!(read.header("ratelimit"), r#""read";r=399;t=1"#);
    let written = app.send(post_json("/payouts", LIVE, "{}")).await;
    assert_eq!(written.header("ratelimit-policy"), r#""write";q=200;w=2"#);
    assert_eq!(written.header("ratelimit"), r#""write";r=199;t=1"#);
    assert_eq!(app.send(get(NOTHING, "sk_live_nobody")).await.header("ratelimit"), "");
    let unlimited = TestApp::new().await;
    let response = unlimited.send(get(NOTHING, LIVE)).await;
    assert_eq!((response.header("ratelimit"), response.header("ratelimit-policy")), ("", ""));
}

#[tokio::test(start_paused = true)]
async fn a_key_over_its_rate_is_refused_and_other_keys_are_not() {
    let app = limited(None, Some(Rate { per_second: 0.5, burst: 3 })).await;
    for left in [2, 1, 0] {
        let response = app.send(post_json("/payouts", LIVE, "{}")).await;
        response.assert_problem(422, "validation_error");
        assert!(response.header("ratelimit").starts_with(&format!(r#""write";r={left};t="#)), "{response:?}");
    }
    let refused = app.send(post_json("/payouts", LIVE, "{}")).await;
    refused.assert_problem(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "2");
    assert_eq!(refused.header("ratelimit"), r#""write";r=0;t=2"#);
    assert_eq!(refused.header("ratelimit-policy"), r#""write";q=3;w=6"#);
    for key in [TEST, OTHER] {
        app.send(post_json("/payouts", key, "{}")).await.assert_problem(422, "validation_error");
    }
    app.send(get(NOTHING, LIVE)).await.assert_problem(404, "payout_not_found");
    tokio::time::advance(Duration::from_secs(2)).await;
    app.send(post_json("/payouts", LIVE, "{}")).await.assert_problem(422, "validation_error");
}

async fn from(app: &TestApp, address: &str, key: &str) -> TestResponse {
    let mut request: Request<Body> = get(NOTHING, key);
    let address: SocketAddr = address.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(address));
    app.send(request).await
}

#[tokio::test(start_paused = true)]
async fn an_address_with_many_invalid_keys_is_refused() {
    let app = TestApp::new().await;
    from(&app, "192.0.2.1:1", LIVE).await.assert_problem(404, "payout_not_found");
    for guess in 0..FAILED_ATTEMPTS_PER_MINUTE {
        let response = from(&app, "192.0.2.1:1", &format!("sk_live_guess{guess}")).await;
        response.assert_problem(401, "invalid_api_key");
    }
    for key in ["sk_live_again", "nonsense", TEST] {
        let response = from(&app, "192.0.2.1:2", key).await;
        response.assert_problem(429, "rate_limited");
        assert_eq!(response.header("retry-after"), "2", "{key}");
        assert_eq!(response.header("ratelimit"), r#""refused-keys";r=0;t=2"#);
    }
    from(&app, "192.0.2.1:1", LIVE).await.assert_problem(404, "payout_not_found");
    from(&app, "192.0.2.2:1", TEST).await.assert_problem(404, "payout_not_found");
    from(&app, "192.0.2.2:1", "sk_live_other_guess").await.assert_problem(401, "invalid_api_key");
    tokio::time::advance(Duration::from_secs(2)).await;
    from(&app, "192.0.2.1:1", "sk_live_again").await.assert_problem(401, "invalid_api_key");
    from(&app, "192.0.2.1:1", "sk_live_again").await.assert_problem(429, "rate_limited");
}

#[tokio::test(start_paused = true)]
async fn an_ipv6_64_counts_as_one_address() {
    let app = TestApp::new().await;
    for guess in 0..FAILED_ATTEMPTS_PER_MINUTE {
        let address = format!("[2001:db8:0:7::{guess:x}]:1");
        from(&app, &address, "sk_live_guess").await.assert_problem(401, "invalid_api_key");
    }
    from(&app, "[2001:db8:0:7:ffff::1]:1", "sk_live_guess").await.assert_problem(429, "rate_limited");
    from(&app, "[2001:db8:0:8::1]:1", "sk_live_guess").await.assert_problem(401, "invalid_api_key");
}
