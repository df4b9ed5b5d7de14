//! The API's router over fakes, and helpers for requests and responses.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use payoutd_actors::ports::Clock;
use payoutd_actors::testing::{
    FaultPlan, ManualClock, MemoryJournal, TestSystem, sample, start_test_system, test_config,
};
use payoutd_domain::{Mode, OrgId, Terms};
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;

use super::fakes::{FakeKeyStore, FakeQuotes, MemoryIdempotencyStore, MemoryPayoutStore};
use crate::api_keys::ApiKeyStore;
use crate::http::{
    ApiConfig, ApiDependencies, Authenticator, KeyCacheConfig, LongPollConfig, LongPollLimit, RateLimits,
    RateLimitsConfig, api_router,
};
use crate::idempotency::Idempotency;
use crate::quotes::{Quote, Quotes, Signer, SigningKey};
use crate::runtime::shutdown::{ShutdownTrigger, shutdown_signal};
use crate::webhooks::Policy;
use crate::webhooks::testing::{MemoryWebhookStore, webhook_service};
use crate::wire::Renderer;

/// Keys of the organisation [`acme`].
pub(super) const LIVE: &str = "sk_live_acme";
pub(super) const TEST: &str = "sk_test_acme";
/// A key of the organisation [`other`].
pub(super) const OTHER: &str = "sk_live_other";
/// The number of invalid keys that one address may send per minute.
pub(super) const FAILED_ATTEMPTS_PER_MINUTE: u32 = 30;

pub(super) struct TestApp {
    pub(super) router: Router,
    pub(super) journal: MemoryJournal,
    pub(super) clock: ManualClock,
    pub(super) quotes: Arc<FakeQuotes>,
    pub(super) keys: Arc<FakeKeyStore>,
    pub(super) started: TestSystem,
    pub(super) shutdown_trigger: ShutdownTrigger,
    /// Makes the store of idempotency records fail.
    pub(super) records_unavailable: Arc<AtomicBool>,
}

impl TestApp {
    pub(super) async fn new() -> Self {
        Self::with_config(ApiConfig::default()).await
    }

    pub(super) async fn with_config(config: ApiConfig) -> Self {
        Self::start(config, LongPollConfig::default(), RateLimitsConfig::default()).await
    }

    pub(super) async fn with_long_polls(long_polls: LongPollConfig) -> Self {
        Self::start(ApiConfig::default(), long_polls, RateLimitsConfig::default()).await
    }

    pub(super) async fn with_rate_limits(rate_limits: RateLimitsConfig) -> Self {
        Self::start(ApiConfig::default(), LongPollConfig::default(), rate_limits).await
    }

    async fn start(config: ApiConfig, long_polls: LongPollConfig, rate_limits: RateLimitsConfig) -> Self {
        let (shutdown_trigger, shutdown) = shutdown_signal();
        let records_unavailable = Arc::new(AtomicBool::new(false));
        let journal = MemoryJournal::new(FaultPlan::default());
        let clock = ManualClock::at(sample::at(0));
        let started = start_test_system(&journal, &clock, test_config()).await;
        let quotes = Arc::new(FakeQuotes::new(clock.clone(), journal.clone()));
        let keys = Arc::new(FakeKeyStore::default());
        let key_store = Arc::clone(&keys) as Arc<dyn ApiKeyStore>;
        let records = MemoryIdempotencyStore::new(journal.clone(), Arc::clone(&records_unavailable));
        let router = api_router(ApiDependencies {
            payouts: started.payouts.clone(),
            quotes: Arc::clone(&quotes) as Arc<dyn Quotes>,
            quote_usage: Arc::new(MemoryPayoutStore(journal.clone())),
            payout_query: Arc::new(MemoryPayoutStore(journal.clone())),
            webhooks: Arc::new(webhook_service(
                MemoryWebhookStore::with_records_in(journal.clone()),
                Arc::new(journal.clone()),
                Arc::new(clock.clone()),
                Policy::default(),
            )),
            idempotency: Idempotency::new(Arc::new(records), Duration::from_secs(24 * 60 * 60)),
            authenticator: Authenticator::new(key_store, Arc::new(clock.clone()), KeyCacheConfig::default())
                .limit_failed_attempts(FAILED_ATTEMPTS_PER_MINUTE),
            rate_limits: RateLimits::new(rate_limits),
            long_polls: LongPollLimit::new(long_polls, shutdown),
            renderer: Renderer::new("https://pay.example"),
            cursor_signer: Signer::new(SigningKey::new(b"0123456789abcdef").unwrap()),
            config,
        });
        Self { router, journal, clock, quotes, keys, started, shutdown_trigger, records_unavailable }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> TestResponse {
        TestResponse::receive(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// Inserts a quote of `org` that is valid for a minute, and returns its id.
    pub(super) fn insert_quote(&self, number: u64, org: OrgId, mode: Mode) -> String {
        let terms = &sample::payout_of_quote(number, number).terms;
        let terms = Terms { org, mode, ..Terms::clone(terms) };
        let id = terms.quote_id.to_string();
        let created_at = self.clock.now();
        let quote = Quote { terms: Arc::new(terms), created_at, expires_at: created_at.plus_seconds(60) };
        self.quotes.insert(id.clone(), quote);
        id
    }

    pub(super) async fn create(&self, key: &str, quote_id: &str) -> TestResponse {
        self.send(post_json("/payouts", key, &format!(r#"{{"quote_id":"{quote_id}"}}"#))).await
    }

    /// Creates a payout of [`acme`] and returns its id.
    pub(super) async fn created_payout(&self, number: u64) -> String {
        let quote_id = self.insert_quote(number, acme(), Mode::Live);
        let response = self.create(LIVE, &quote_id).await;
        assert_eq!(response.status, StatusCode::CREATED, "{:?}", response.body);
        response.body["id"].as_str().unwrap().to_owned()
    }
}

pub(super) fn acme() -> OrgId {
    OrgId(Uuid::from_u64_pair(7, 7))
}

pub(super) fn other() -> OrgId {
    OrgId(Uuid::from_u64_pair(8, 8))
}

#[derive(Debug)]
pub(super) struct TestResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
    pub(super) body: Value,
}

impl TestResponse {
    async fn receive(response: axum::response::Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Self { status: parts.status, headers: parts.headers, bytes, body }
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that this is a complete problem document with this status and code.
    #[track_caller]
    pub(super) fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["type"], format!("/problems/{code}"));
        assert_eq!(self.body["request_id"], self.header("x-request-id"));
        for text in ["title", "detail", "instance", "request_id"] {
            assert!(self.body[text].as_str().is_some_and(|text| !text.is_empty()), "{text}: {self:?}");
        }
        assert_eq!(self.headers.contains_key("retry-after"), matches!(status, 429 | 503));
        assert_eq!(self.headers.contains_key("www-authenticate"), status == 401);
    }
}

pub(super) fn get(path: &str, key: &str) -> Request<Body> {
    Request::get(path).header("authorization", format!("Bearer {key}")).body(Body::empty()).unwrap()
}

pub(super) fn post_json(path: &str, key: &str, body: &str) -> Request<Body> {
    post_with_key(path, key, &Uuid::now_v7().to_string(), body)
}

/// A POST request with this API key and idempotency key.
pub(super) fn post_with_key(path: &str, key: &str, idempotency_key: &str, body: &str) -> Request<Body> {
    Request::post(path)
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .header("idempotency-key", idempotency_key)
        .body(Body::from(body.to_owned()))
        .unwrap()
}
