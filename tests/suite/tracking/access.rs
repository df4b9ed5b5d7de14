//! Response headers, assets, unknown tokens, and the limits of lookups.

use payoutd::config::FrameAncestors;
use payoutd::http::TrackingConfig;
use reqwest::{Client, Method, Response};

use super::harness::{ETHEREUM_TX, TrackingHarness, broadcast};

async fn get(url: &str) -> Response {
    Client::new().get(url).send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// The file names of a page's assets.
fn asset_names(page: &str) -> Vec<String> {
    let links = page.split("\"assets/").skip(1).filter_map(|rest| rest.split('"').next());
    links.map(str::to_owned).collect()
}

#[tokio::test]
async fn every_response_has_security_and_cache_headers() {
    let harness = TrackingHarness::start().await;
    let payout = harness.create(1).await;
    let page = harness.url(&payout);
    let asset =
        format!("{}/track/assets/{}", harness.base, asset_names(&get(&page).await.text().await.unwrap())[0]);
    let missing = format!("{}/track/0", harness.base);
    for (url, status, cache) in [
        (page.clone(), 200, "private, no-store"),
        (format!("{page}/fragment"), 200, "private, no-store"),
        (format!("{page}/events"), 200, "private, no-store"),
        (format!("{page}/fragment?after=1"), 204, "no-store"),
        (missing, 404, "private, no-store"),
        (asset, 200, "public, max-age=31536000, immutable"),
    ] {
        let response = get(&url).await;
        assert_eq!(response.status(), status, "{url}");
        assert_eq!(
            header(&response, "content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "{url}"
        );
        assert_eq!(header(&response, "x-frame-options"), "DENY");
        assert_eq!(header(&response, "referrer-policy"), "no-referrer");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        assert_eq!(header(&response, "cache-control"), cache, "{url}");
        assert!(header(&response, "x-robots-tag").contains("noindex"));
        assert!(header(&response, "permissions-policy").contains("geolocation=()"));
        assert_ne!(header(&response, "x-request-id"), "");
    }
}

#[tokio::test]
async fn only_the_configured_sites_may_embed_the_page() {
    let frame_ancestors = FrameAncestors::new(["https://app.example"]).unwrap();
    let harness =
        TrackingHarness::configured(TrackingConfig { frame_ancestors, ..TrackingConfig::default() }).await;
    let payout = harness.create(1).await;
    let response = get(&harness.url(&payout)).await;
    assert!(header(&response, "content-security-policy").ends_with("frame-ancestors https://app.example"));
    assert_eq!(header(&response, "x-frame-options"), "", "X-Frame-Options cannot name a site");
}

#[tokio::test]
async fn assets_are_served_under_names_with_a_content_hash() {
    let harness = TrackingHarness::start().await;
    let payout = harness.create(1).await;
    let page = get(&harness.url(&payout)).await.text().await.unwrap();
    let assets = asset_names(&page);
    assert_eq!(assets.len(), 3, "style, script and icon");
    for asset in assets {
        let response = get(&format!("{}/track/assets/{asset}", harness.base)).await;
        assert_eq!(response.status(), 200);
        let kind = asset.rsplit('.').next().unwrap();
        let expected = [("css", "text/css"), ("js", "text/javascript"), ("svg", "image/svg+xml")];
        let expected = expected.iter().find(|(name, _)| *name == kind).unwrap().1;
        assert!(header(&response, "content-type").starts_with(expected));
    }
    assert_eq!(get(&format!("{}/track/assets/page.css", harness.base)).await.status(), 404);
}

#[tokio::test]
async fn a_head_request_has_the_headers_of_get_and_no_body() {
    let harness = TrackingHarness::start().await;
    let payout = harness.create(1).await;
    for url in [harness.url(&payout), format!("{}/track/nothing", harness.base)] {
        let head = Client::new().request(Method::HEAD, &url).send().await.unwrap();
        let get = get(&url).await;
        assert_eq!(head.status(), get.status());
        for name in ["content-type", "content-security-policy", "cache-control", "content-length"] {
            assert_eq!(header(&head, name), header(&get, name), "{name} of {url}");
        }
        assert_eq!(head.bytes().await.unwrap().len(), 0);
    }
    let posted = Client::new().post(harness.url(&payout)).send().await.unwrap();
    assert_eq!(posted.status(), 405);
    assert!(header(&posted, "allow").contains("GET"));
}

#[tokio::test]
async fn every_unknown_token_gets_the_same_response() {
    let harness = TrackingHarness::start().await;
    let payout = harness.create(1).await;
    let token = payout.tracking_token.to_string();
    let unknown = "0123456789abcdef0123456789abcdef";
    let expected = get(&format!("{}/track/{unknown}", harness.base)).await.text().await.unwrap();
    assert!(expected.contains("We cannot find this payment"));
    assert!(!expected.contains("<script"), "the page has no updates");
    for path in [
        "",
        "x",
        &token[1..],
        &format!("{token}0"),
        &token.to_uppercase().replace("0000", "000F"),
        &payout.id.to_string(),
        "%ff%fe",
        "..%2f..%2fetc%2fpasswd",
        "<script>alert(1)<%2fscript>",
        unknown,
    ] {
        let response = get(&format!("{}/track/{path}", harness.base)).await;
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(header(&response, "content-type"), "text/html; charset=utf-8");
        assert_eq!(response.text().await.unwrap(), expected, "{path}");
    }
    let spanish = get(&format!("{}/track/{unknown}?lang=es", harness.base)).await.text().await.unwrap();
    assert!(spanish.contains("No encontramos este pago"));
    for end in ["/events", "/fragment"] {
        assert_eq!(get(&format!("{}/track/{unknown}{end}", harness.base)).await.status(), 404);
    }
}

#[tokio::test]
async fn failed_lookups_are_limited_and_cached_tokens_still_work() {
    let config = TrackingConfig { misses_per_minute: 5, ..TrackingConfig::default() };
    let harness = TrackingHarness::configured(config).await;
    let payout = harness.create(1).await;
    let other = harness.create(2).await;
    assert_eq!(get(&harness.url(&payout)).await.status(), 200);
    for guess in 0..5 {
        assert_eq!(get(&format!("{}/track/{guess:032x}", harness.base)).await.status(), 404);
    }
    let lookups = harness.index.lookups();
    let refused = get(&format!("{}/track/{:032x}", harness.base, 99)).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(header(&refused, "retry-after"), "30");
    assert!(refused.text().await.unwrap().contains("Too many attempts"));
    // A token that was never looked up cannot be distinguished from a guess. A cached token can.
    assert_eq!(get(&harness.url(&other)).await.status(), 429);
    assert_eq!(get(&harness.url(&payout)).await.status(), 200);
    assert_eq!(harness.index.lookups(), lookups, "further lookups do not reach the store");
}

#[tokio::test]
async fn an_unavailable_store_is_not_reported_as_an_unknown_payment() {
    let harness = TrackingHarness::start().await;
    let payout = harness.create(1).await;
    harness.index.set_unavailable(true);
    let response = get(&harness.url(&payout)).await;
    assert_eq!(response.status(), 503);
    assert_eq!(header(&response, "retry-after"), "5");
    let page = response.text().await.unwrap();
    assert!(page.contains("This does not affect the payment."), "{page}");
    harness.index.set_unavailable(false);
    assert_eq!(get(&harness.url(&payout)).await.status(), 200);
}

#[tokio::test]
async fn concurrent_requests_for_one_token_share_the_lookup() {
    let harness = TrackingHarness::start().await;
    let payout = harness.create(1).await;
    let url = harness.url(&payout);
    let requests: Vec<_> = (0..50).map(|_| tokio::spawn(reqwest::get(url.clone()))).collect();
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap().status(), 200);
    }
    assert!(harness.index.lookups() <= 4, "at most one lookup for each permit: {}", harness.index.lookups());
}

#[tokio::test]
async fn a_cached_payout_needs_no_query() {
    let harness = TrackingHarness::start().await;
    let payout = harness.create(1).await;
    harness.report(&payout, broadcast("ethereum", ETHEREUM_TX)).await;
    for _ in 0..20 {
        assert_eq!(get(&harness.url(&payout)).await.status(), 200);
    }
    assert_eq!((harness.index.lookups(), harness.journal.counts().loads), (1, 0));
}
