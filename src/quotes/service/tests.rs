use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use payoutd_actors::ports::IdempotencyRecord;
use payoutd_actors::testing::ManualClock;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::idempotency::no_record;
use crate::quotes::signature::SigningKey;
use crate::quotes::testing::default_routes_config;

#[derive(Default)]
struct MemoryQuoteStore {
    quotes: Mutex<HashMap<QuoteId, Quote>>,
    is_down: AtomicBool,
    reads: AtomicUsize,
}

impl MemoryQuoteStore {
    fn check(&self) -> Result<(), Unavailable> {
        if self.is_down.load(Ordering::SeqCst) { Err(Unavailable("down".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl QuoteStore for MemoryQuoteStore {
    async fn put(&self, quote: &Quote, _: Option<&IdempotencyRecord>) -> Result<Quote, Unavailable> {
        self.check()?;
        tokio::task::yield_now().await;
        let mut quotes = self.quotes.lock().unwrap();
        let stored = quotes.entry(quote.terms.quote_id.clone()).or_insert_with(|| quote.clone());
        if stored.expires_at <= quote.created_at {
            *stored = quote.clone();
        }
        Ok(stored.clone())
    }

    async fn get(&self, id: &QuoteId) -> Result<Option<Quote>, Unavailable> {
        self.check()?;
        self.reads.fetch_add(1, Ordering::SeqCst);
        Ok(self.quotes.lock().unwrap().get(id).cloned())
    }

    async fn purge_quotes(&self, _: Timestamp, _: u32) -> Result<u64, Unavailable> {
        self.check().map(|()| 0)
    }
}

struct Fixture {
    service: QuoteService,
    store: Arc<MemoryQuoteStore>,
    clock: ManualClock,
}

fn quote_service(store: &Arc<MemoryQuoteStore>, clock: &ManualClock) -> QuoteService {
    let signer = Signer::new(SigningKey::new(b"0123456789abcdef").unwrap());
    let routes = Arc::new(Routes::try_from(&default_routes_config()).unwrap());
    QuoteService::new(signer, routes, Arc::clone(store) as Arc<dyn QuoteStore>, Arc::new(clock.clone()), 60)
}

fn fixture() -> Fixture {
    let store = Arc::new(MemoryQuoteStore::default());
    let clock = ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap());
    Fixture { service: quote_service(&store, &clock), store, clock }
}

fn org(n: u128) -> OrgId {
    OrgId(Uuid::from_u128(n))
}

fn request() -> QuoteRequest {
    QuoteRequest {
        external_ref: "order-1".into(),
        destination: "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed".into(),
        asset: "usdt".into(),
        amount: "100.50".into(),
        network_hint: None,
    }
}

async fn body(service: &QuoteService, org: OrgId, request: QuoteRequest) -> String {
    serde_json::to_string(&service.quote(org, Mode::Test, request, &no_record).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_quote_response_has_exactly_the_documented_fields() {
    let fixture = fixture();
    let response = fixture.service.quote(org(1), Mode::Live, request(), &no_record).await.unwrap();
    let mut value = serde_json::to_value(&response).unwrap();
    let message = value["recommendation"]["message"].take();
    assert!(message.as_str().unwrap().contains("Polygon"));
    assert_eq!(
        value,
        json!({
            "quote_id": response.quote_id.as_str(),
            "expires_at": "2026-03-01T12:01:00.000000Z",
            "user_sends": "101.72",
            "recipient_gets": "100.5",
            "fee_total_usd": "1.22",
            "route": {"from_network": "polygon", "to_network": "ethereum", "estimated_seconds": 90},
            "recommendation": {
                "message": null,
                "alternative_route": {"network": "polygon", "fee_total_usd": "0.02", "savings_usd": "1.20"},
            },
            "insufficient_funds": null,
        })
    );
}

#[tokio::test]
async fn a_live_quote_can_be_opened_by_its_account_until_it_expires() {
    let fixture = fixture();
    let response = fixture.service.quote(org(1), Mode::Live, request(), &no_record).await.unwrap();
    let id = response.quote_id.as_str();
    let quote = fixture.service.open(org(1), Mode::Live, id).await.unwrap();
    assert_eq!(&*quote.terms.destination, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed");
    assert_eq!((&*quote.terms.external_ref, &*quote.terms.asset), ("order-1", "USDT"));
    assert_eq!(quote.terms.route.seconds_after_broadcast, 20);
    assert_eq!(fixture.store.reads.load(Ordering::SeqCst), 0, "a recent live quote is cached");

    let other_process = quote_service(&fixture.store, &fixture.clock);
    assert_eq!(
        other_process.open(org(1), Mode::Live, id).await.unwrap(),
        quote,
        "another process reads it from the store"
    );
    fixture.clock.advance(Duration::from_micros(59_999_999));
    assert!(fixture.service.open(org(1), Mode::Live, id).await.is_ok());
    fixture.clock.advance(Duration::from_micros(1));
    assert_eq!(fixture.service.open(org(1), Mode::Live, id).await, Err(OpenError::Expired));
    assert_eq!(other_process.open(org(1), Mode::Live, id).await, Err(OpenError::Expired));
}

#[tokio::test]
async fn forged_and_foreign_ids_are_not_found_without_a_query() {
    let fixture = fixture();
    let response = fixture.service.quote(org(1), Mode::Live, request(), &no_record).await.unwrap();
    let id = response.quote_id.as_str();
    fixture.store.is_down.store(true, Ordering::SeqCst);
    for (org, mode, id) in [
        (org(2), Mode::Live, id),
        (org(1), Mode::Test, id),
        (org(1), Mode::Live, &id[..67]),
        (org(1), Mode::Live, ""),
        (org(1), Mode::Live, "quo_\0"),
        (org(1), Mode::Live, "quo_00000000000000000000000000000000ffffffffffffffffffffffffffffffff"),
    ] {
        assert_eq!(fixture.service.open(org, mode, id).await, Err(OpenError::NotFound));
    }
    fixture.store.is_down.store(false, Ordering::SeqCst);
}

#[tokio::test]
async fn a_purged_quote_has_expired() {
    let fixture = fixture();
    let purged = fixture.service.signer().live_quote_id(org(1), fixture.clock.now()).unwrap();
    assert_eq!(fixture.service.open(org(1), Mode::Live, purged.as_str()).await, Err(OpenError::Expired));
    assert_eq!(fixture.service.open(org(2), Mode::Live, purged.as_str()).await, Err(OpenError::NotFound));
}

#[tokio::test]
async fn live_quotes_have_unique_ids_and_repeated_sandbox_quotes_are_identical() {
    let fixture = fixture();
    let first = fixture.service.quote(org(1), Mode::Live, request(), &no_record).await.unwrap();
    let second = fixture.service.quote(org(1), Mode::Live, request(), &no_record).await.unwrap();
    assert_ne!(first.quote_id, second.quote_id);

    let first = body(&fixture.service, org(1), request()).await;
    fixture.clock.advance(Duration::from_micros(59_999_999));
    assert_eq!(
        body(&fixture.service, org(1), request()).await,
        first,
        "a repeated request before the expiry"
    );
    let other_spelling = QuoteRequest {
        destination: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed".into(),
        asset: "USDT".into(),
        amount: "100.5".into(),
        ..request()
    };
    assert_eq!(
        body(&fixture.service, org(1), other_spelling).await,
        first,
        "the same request in another spelling"
    );
    assert_ne!(body(&fixture.service, org(2), request()).await, first);
    let other = QuoteRequest { external_ref: "order-2".into(), ..request() };
    assert_ne!(body(&fixture.service, org(1), other).await, first);
}

#[tokio::test]
async fn an_expired_sandbox_quote_is_refused_until_it_is_requested_again() {
    let fixture = fixture();
    let response = fixture.service.quote(org(1), Mode::Test, request(), &no_record).await.unwrap();
    let id = response.quote_id.as_str();
    fixture.clock.advance(Duration::from_secs(60));
    assert_eq!(fixture.service.open(org(1), Mode::Test, id).await, Err(OpenError::Expired));
    let renewed = fixture.service.quote(org(1), Mode::Test, request(), &no_record).await.unwrap();
    assert_eq!(renewed.quote_id, response.quote_id);
    assert_eq!(renewed.expires_at, response.expires_at.plus_seconds(60));
    assert_eq!(fixture.service.open(org(1), Mode::Test, id).await.unwrap().expires_at, renewed.expires_at);
}

#[tokio::test]
async fn a_failing_store_is_unavailable_and_an_invalid_request_does_not_reach_it() {
    let fixture = fixture();
    let response = fixture.service.quote(org(1), Mode::Test, request(), &no_record).await.unwrap();
    fixture.store.is_down.store(true, Ordering::SeqCst);
    let refused = fixture.service.quote(org(1), Mode::Live, request(), &no_record).await;
    assert!(matches!(refused, Err(QuoteError::Unavailable(_))));
    let opened = fixture.service.open(org(1), Mode::Test, response.quote_id.as_str()).await;
    assert!(matches!(opened, Err(OpenError::Unavailable(_))));
    let bad = QuoteRequest { asset: "DOGE".into(), ..request() };
    let refused = fixture.service.quote(org(1), Mode::Live, bad, &no_record).await;
    assert!(matches!(refused, Err(QuoteError::Refused(QuoteRefusal::UnsupportedAsset { .. }))));
}

#[test]
fn the_cache_of_recent_quotes_is_bounded_and_drops_expired_quotes() {
    let at = |seconds: u32| Timestamp::EPOCH.plus_seconds(seconds);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let fixture = fixture();
    let template = runtime.block_on(async {
        let response = fixture.service.quote(org(1), Mode::Live, request(), &no_record).await.unwrap();
        fixture.service.open(org(1), Mode::Live, response.quote_id.as_str()).await.unwrap()
    });
    let quote = |name: &str, end| {
        let terms = Arc::new(Terms { quote_id: name.parse().unwrap(), ..(*template.terms).clone() });
        Quote { terms, created_at: at(0), expires_at: at(end) }
    };
    let recent = RecentQuotes::new(2);
    let cached = |names: [&str; 3]| names.map(|name| recent.get(&name.parse().unwrap()).is_some());
    recent.insert(quote("a", 60), at(0));
    recent.insert(quote("b", 61), at(1));
    recent.insert(quote("c", 62), at(2));
    assert_eq!(cached(["a", "b", "c"]), [false, true, true]);
    recent.insert(quote("a", 122), at(62));
    assert_eq!(cached(["a", "b", "c"]), [true, false, false]);
}
