use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::StatusCode;
use payoutd_actors::testing::sample;

use super::test_app::{LIVE, TestApp, TestResponse, get};

async fn with_headers(app: &TestApp, values: &[&str]) -> TestResponse {
    let mut request = Request::get("/payouts/pay_x").header("x-request-id", "same");
    for value in values {
        request = request.header("authorization", *value);
    }
    app.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn every_refused_key_gets_the_same_response() {
    let app = TestApp::new().await;
    let none = with_headers(&app, &[]).await;
    none.assert_problem(401, "invalid_api_key");
    assert_eq!(none.header("www-authenticate"), "Bearer");
    let both = format!("Bearer {LIVE}");
    let refused: [&[&str]; 12] = [
        &[""],
        &["Bearer"],
        &["Bearer "],
        &["Bearer not-a-key"],
        &["Basic c2tfbGl2ZV9hY21lOg=="],
        &["Bearer sk_live_unknown"],
        &["sk_test_unknown"],
        &["Bearer sk_live_expired"],
        &["Bearer sk_live_mismatch"],
        &["Bearer sk_LIVE_acme"],
        &[&both, &both],
        &[&both, "Basic x"],
    ];
    for values in refused {
        let response = with_headers(&app, values).await;
        assert_eq!(response.bytes, none.bytes, "{values:?}");
        let mut headers = response.headers.clone();
        headers.remove("date");
        assert_eq!(headers, none.headers, "{values:?}");
    }
}

#[tokio::test]
async fn a_key_is_accepted_as_bearer_token_or_bare() {
    let app = TestApp::new().await;
    for value in [format!("Bearer {LIVE}"), format!("bearer  {LIVE}"), format!("BEARER {LIVE}"), LIVE.into()]
    {
        with_headers(&app, &[&value]).await.assert_problem(404, "payout_not_found");
    }
}

#[tokio::test]
async fn a_cached_key_is_refused_once_it_has_expired() {
    let app = TestApp::new().await;
    let ask = || app.send(get("/payouts/pay_x", "sk_live_expiring"));
    ask().await.assert_problem(404, "payout_not_found");
    app.clock.set(sample::at(2));
    ask().await.assert_problem(401, "invalid_api_key");
}

#[tokio::test(start_paused = true)]
async fn an_unavailable_key_store_is_not_reported_as_an_invalid_key() {
    let app = TestApp::new().await;
    let ask = || app.send(get("/payouts/pay_x", LIVE));
    app.keys.is_unavailable.store(true, Ordering::SeqCst);
    ask().await.assert_problem(503, "unavailable");
    app.keys.is_unavailable.store(false, Ordering::SeqCst);
    assert_eq!(ask().await.status, StatusCode::NOT_FOUND);
    app.keys.is_unavailable.store(true, Ordering::SeqCst);
    assert_eq!(ask().await.status, StatusCode::NOT_FOUND, "the key is cached");
    tokio::time::advance(Duration::from_secs(6)).await;
    ask().await.assert_problem(503, "unavailable");
}
