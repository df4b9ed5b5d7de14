//! Who gets what, under which headers, and how often.

use payoutd::config::FrameAncestors;
use payoutd::http::TrackingConfig;
use reqwest::{Client, Method, Response};

use super::harness::{ETHEREUM_TX, TrackingHarness, sent};

async fn get(url: &str) -> Response {
    Client::new().get(url).send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// The addresses of a page's own files.
fn files(page: &str) -> Vec<String> {
    let links = page.split("\"assets/").skip(1).filter_map(|rest| rest.split('"').next());
    links.map(str::to_owned).collect()
}

#[tokio::test]
async fn every_answer_is_kept_to_itself() {
    let site = TrackingHarness::start().await;
    let payout = site.create(1).await;
    let page = site.url(&payout);
    let asset = format!("{}/track/assets/{}", site.base, files(&get(&page).await.text().await.unwrap())[0]);
    let missing = format!("{}/track/0", site.base);
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
async fn only_chosen_sites_may_embed_it() {
    let frame_ancestors = FrameAncestors::new(["https://app.example"]).unwrap();
    let site =
        TrackingHarness::configured(TrackingConfig { frame_ancestors, ..TrackingConfig::default() }).await;
    let payout = site.create(1).await;
    let response = get(&site.url(&payout)).await;
    assert!(header(&response, "content-security-policy").ends_with("frame-ancestors https://app.example"));
    assert_eq!(header(&response, "x-frame-options"), "", "it could not name the site");
}

#[tokio::test]
async fn its_files_are_its_own_and_named_by_their_content() {
    let site = TrackingHarness::start().await;
    let payout = site.create(1).await;
    let page = get(&site.url(&payout)).await.text().await.unwrap();
    let files = files(&page);
    assert_eq!(files.len(), 3, "style, script and icon");
    for file in files {
        let response = get(&format!("{}/track/assets/{file}", site.base)).await;
        assert_eq!(response.status(), 200);
        let kind = file.rsplit('.').next().unwrap();
        let expected = [("css", "text/css"), ("js", "text/javascript"), ("svg", "image/svg+xml")];
        let expected = expected.iter().find(|(name, _)| *name == kind).unwrap().1;
        assert!(header(&response, "content-type").starts_with(expected));
    }
    assert_eq!(get(&format!("{}/track/assets/page.css", site.base)).await.status(), 404);
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let site = TrackingHarness::start().await;
    let payout = site.create(1).await;
    for url in [site.url(&payout), format!("{}/track/nothing", site.base)] {
        let head = Client::new().request(Method::HEAD, &url).send().await.unwrap();
        let get = get(&url).await;
        assert_eq!(head.status(), get.status());
        for name in ["content-type", "content-security-policy", "cache-control", "content-length"] {
            assert_eq!(header(&head, name), header(&get, name), "{name} of {url}");
        }
        assert_eq!(head.bytes().await.unwrap().len(), 0);
    }
    let posted = Client::new().post(site.url(&payout)).send().await.unwrap();
    assert_eq!(posted.status(), 405);
    assert!(header(&posted, "allow").contains("GET"));
}

#[tokio::test]
async fn what_leads_nowhere_looks_the_same_everywhere() {
    let site = TrackingHarness::start().await;
    let payout = site.create(1).await;
    let token = payout.tracking_token.to_string();
    let unknown = "0123456789abcdef0123456789abcdef";
    let expected = get(&format!("{}/track/{unknown}", site.base)).await.text().await.unwrap();
    assert!(expected.contains("We cannot find this payment"));
    assert!(!expected.contains("<script"), "there is nothing to keep up to date");
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
        let response = get(&format!("{}/track/{path}", site.base)).await;
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(header(&response, "content-type"), "text/html; charset=utf-8");
        assert_eq!(response.text().await.unwrap(), expected, "{path}");
    }
    let spanish = get(&format!("{}/track/{unknown}?lang=es", site.base)).await.text().await.unwrap();
    assert!(spanish.contains("No encontramos este pago"));
    for end in ["/events", "/fragment"] {
        assert_eq!(get(&format!("{}/track/{unknown}{end}", site.base)).await.status(), 404);
    }
}

#[tokio::test]
async fn guessing_is_slowed_down_and_does_not_stop_known_links() {
    let config = TrackingConfig { misses_per_minute: 5, ..TrackingConfig::default() };
    let site = TrackingHarness::configured(config).await;
    let payout = site.create(1).await;
    let other = site.create(2).await;
    assert_eq!(get(&site.url(&payout)).await.status(), 200);
    for guess in 0..5 {
        assert_eq!(get(&format!("{}/track/{guess:032x}", site.base)).await.status(), 404);
    }
    let lookups = site.index.lookups();
    let refused = get(&format!("{}/track/{:032x}", site.base, 99)).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(header(&refused, "retry-after"), "30");
    assert!(refused.text().await.unwrap().contains("Too many attempts"));
    // A link that was never opened yet cannot be told from a guess; one that was can.
    assert_eq!(get(&site.url(&other)).await.status(), 429);
    assert_eq!(get(&site.url(&payout)).await.status(), 200);
    assert_eq!(site.index.lookups(), lookups, "a guesser does not reach the store any more");
}

#[tokio::test]
async fn a_store_that_is_away_is_not_a_missing_payment() {
    let site = TrackingHarness::start().await;
    let payout = site.create(1).await;
    site.index.set_away(true);
    let response = get(&site.url(&payout)).await;
    assert_eq!(response.status(), 503);
    assert_eq!(header(&response, "retry-after"), "5");
    let page = response.text().await.unwrap();
    assert!(page.contains("This does not affect the payment."), "{page}");
    site.index.set_away(false);
    assert_eq!(get(&site.url(&payout)).await.status(), 200);
}

#[tokio::test]
async fn a_crowd_at_one_link_asks_the_store_once() {
    let site = TrackingHarness::start().await;
    let payout = site.create(1).await;
    let url = site.url(&payout);
    let crowd: Vec<_> = (0..50).map(|_| tokio::spawn(reqwest::get(url.clone()))).collect();
    for reader in crowd {
        assert_eq!(reader.await.unwrap().unwrap().status(), 200);
    }
    assert!(site.index.lookups() <= 4, "as many as may ask at once, at most: {}", site.index.lookups());
}

#[tokio::test]
async fn a_live_payment_costs_the_store_nothing() {
    let site = TrackingHarness::start().await;
    let payout = site.create(1).await;
    site.report(&payout, sent("ethereum", ETHEREUM_TX)).await;
    for _ in 0..20 {
        assert_eq!(get(&site.url(&payout)).await.status(), 200);
    }
    assert_eq!((site.index.lookups(), site.journal.counts().loads), (1, 0));
}
