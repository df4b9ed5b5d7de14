//! An edge with fakes behind its ports, and what it answers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use payoutd_actors::ports::{Clock, IdempotencyKeyHash, IdempotencyRecord, Journal, Stored, Unavailable};
use payoutd_actors::testing::{
    FaultPlan, ManualClock, MemoryJournal, TestSystem, sample, start_test_system, test_config,
};
use payoutd_domain::{Mode, NewPayout, OrgId, PayoutId, QuoteId, Snapshot, Terms, Timestamp, TrackingToken};
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;

use crate::api_keys::{ApiKey, ApiKeyStore, KeyDigest};
use crate::http::{
    ApiConfig, ApiDependencies, Authenticator, Idempotency, KeyCacheConfig, Limits, LimitsConfig, QuoteUsage,
    Quotes, Waiting, WaitingConfig, router,
};
use crate::idempotency::{IdempotencyStore, RecordFor};
use crate::payout_query::{PageCursor, PayoutQuery, PayoutQueryStore};
use crate::quotes::{OpenError, Quote, QuoteError, QuoteRefusal, QuoteRequest, Signer, SigningKey};
use crate::runtime::shutdown::{ShutdownTrigger, shutdown_signal};
use crate::webhooks::Policy;
use crate::webhooks::testing::{MemoryWebhookStore, webhook_service};
use crate::wire::Renderer;

pub(super) const LIVE: &str = "sk_live_acme";
pub(super) const TEST: &str = "sk_test_acme";
pub(super) const OTHER: &str = "sk_live_other";
/// How many wrong keys one peer may try in a minute.
pub(super) const REFUSED_PER_MINUTE: u32 = 30;

pub(super) struct World {
    pub(super) router: Router,
    pub(super) journal: MemoryJournal,
    pub(super) clock: ManualClock,
    pub(super) quoting: Arc<FakeQuoting>,
    pub(super) keys: Arc<FakeKeys>,
    pub(super) started: TestSystem,
    pub(super) stopper: ShutdownTrigger,
    pub(super) answers_down: Arc<AtomicBool>,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(ApiConfig::default()).await
    }

    pub(super) async fn with(config: ApiConfig) -> Self {
        Self::made(config, WaitingConfig::default(), LimitsConfig::default()).await
    }

    pub(super) async fn waiting(config: ApiConfig, waiting: WaitingConfig) -> Self {
        Self::made(config, waiting, LimitsConfig::default()).await
    }

    pub(super) async fn limited(config: ApiConfig, limits: LimitsConfig) -> Self {
        Self::made(config, WaitingConfig::default(), limits).await
    }

    async fn made(config: ApiConfig, waiting: WaitingConfig, limits: LimitsConfig) -> Self {
        let (stopper, stop) = shutdown_signal();
        let answers_down = Arc::new(AtomicBool::new(false));
        let journal = MemoryJournal::new(FaultPlan::default());
        let clock = ManualClock::at(sample::at(0));
        let started = start_test_system(&journal, &clock, test_config()).await;
        let quoting = Arc::new(FakeQuoting {
            clock: clock.clone(),
            quotes: Mutex::default(),
            journal: journal.clone(),
            given: 0.into(),
        });
        let keys = Arc::new(FakeKeys::default());
        let as_store = Arc::clone(&keys) as Arc<dyn ApiKeyStore>;
        let router = router(ApiDependencies {
            payouts: started.payouts.clone(),
            quoting: Arc::clone(&quoting) as Arc<dyn Quotes>,
            created_from: Arc::new(Journalled(journal.clone())),
            authenticator: Authenticator::new(as_store, Arc::new(clock.clone()), KeyCacheConfig::default())
                .throttled(REFUSED_PER_MINUTE),
            limits: Limits::new(limits),
            idempotency: Idempotency::new(
                Arc::new(MemoryAnswers { journal: journal.clone(), down: Arc::clone(&answers_down) }),
                Duration::from_secs(24 * 60 * 60),
            ),
            renderer: Renderer::new("https://pay.example"),
            listing: Arc::new(Journalled(journal.clone())),
            cursors: Signer::new(SigningKey::new(b"0123456789abcdef").unwrap()),
            waiting: Waiting::new(waiting, stop),
            webhooks: Arc::new(webhook_service(
                MemoryWebhookStore::with_records_in(journal.clone()),
                Arc::new(journal.clone()),
                Arc::new(clock.clone()),
                Policy::default(),
            )),
            config,
        });
        Self { router, journal, clock, quoting, keys, started, stopper, answers_down }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// A quote of `org`, good for a minute.
    pub(super) fn give_quote(&self, number: u64, org: OrgId, mode: Mode) -> String {
        let terms = &sample::payout_of_quote(number, number).terms;
        let terms = Terms { org, mode, ..Terms::clone(terms) };
        let id = terms.quote_id.to_string();
        let created_at = self.clock.now();
        let quote = Quote { terms: Arc::new(terms), created_at, expires_at: created_at.plus_seconds(60) };
        self.quoting.quotes.lock().unwrap().insert(id.clone(), quote);
        id
    }

    pub(super) async fn create(&self, key: &str, quote_id: &str) -> Answer {
        self.send(post("/payouts", key, &format!(r#"{{"quote_id":"{quote_id}"}}"#))).await
    }

    /// The id of a new payout of acme.
    pub(super) async fn created(&self, number: u64) -> String {
        let quote_id = self.give_quote(number, acme(), Mode::Live);
        let answer = self.create(LIVE, &quote_id).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        answer.body["id"].as_str().unwrap().to_owned()
    }
}

pub(super) fn acme() -> OrgId {
    OrgId(Uuid::from_u64_pair(7, 7))
}

pub(super) fn other() -> OrgId {
    OrgId(Uuid::from_u64_pair(8, 8))
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
    pub(super) body: Value,
}

impl Answer {
    async fn of(response: axum::response::Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Self { status: parts.status, headers: parts.headers, bytes, body }
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that this is a whole problem document of that status and code.
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

pub(super) fn post(path: &str, key: &str, body: &str) -> Request<Body> {
    post_named(path, key, &Uuid::now_v7().to_string(), body)
}

/// A POST with this idempotency key.
pub(super) fn post_named(path: &str, key: &str, name: &str, body: &str) -> Request<Body> {
    Request::post(path)
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .header("idempotency-key", name)
        .body(Body::from(body.to_owned()))
        .unwrap()
}

/// Quotes without prices. The external reference chooses what happens.
pub(super) struct FakeQuoting {
    clock: ManualClock,
    pub(super) quotes: Mutex<HashMap<String, Quote>>,
    journal: MemoryJournal,
    /// How many quotes were given.
    pub(super) given: AtomicU64,
}

#[async_trait]
impl Quotes for FakeQuoting {
    async fn quote(
        &self,
        org: OrgId,
        mode: Mode,
        request: QuoteRequest,
        answer: RecordFor<'_, str>,
    ) -> Result<String, QuoteError> {
        let detail = String::from("a sentence");
        match request.external_ref.as_str() {
            "panic" => panic!("ordered by a test"),
            "slow" => {
                tokio::time::sleep(Duration::from_secs(3_600)).await;
                Err(QuoteError::Unavailable(Unavailable("slow".into())))
            }
            "validation" => Err(QuoteRefusal::Validation { field: "external_ref", detail }.into()),
            "destination" => Err(QuoteRefusal::InvalidDestination { detail }.into()),
            "asset" => Err(QuoteRefusal::UnsupportedAsset { detail }.into()),
            "route" => Err(QuoteRefusal::UnsupportedRoute { field: "network_hint", detail }.into()),
            "amount" => Err(QuoteRefusal::AmountOutOfRange { detail }.into()),
            "unavailable" => Err(QuoteError::Unavailable(Unavailable("down".into()))),
            other => {
                // Time enough for others to come in between.
                tokio::task::yield_now().await;
                let number = self.given.fetch_add(1, Ordering::SeqCst);
                let offer = format!(r#"{{"quote_id":"quo_{other}","for":"{org} {mode}","number":{number}}}"#);
                if mode == Mode::Live
                    && let Some(answer) = answer(&offer)
                {
                    let _ = self.journal.insert_idempotency_record(&answer);
                }
                Ok(offer)
            }
        }
    }

    async fn open(&self, org: OrgId, mode: Mode, quote_id: &str) -> Result<Quote, OpenError> {
        match quote_id {
            "panic" => panic!("ordered by a test"),
            "unavailable" => return Err(OpenError::Unavailable(Unavailable("down".into()))),
            _ => {}
        }
        let quote = self.quotes.lock().unwrap_or_else(PoisonError::into_inner).get(quote_id).cloned();
        let quote = quote.filter(|quote| quote.terms.org == org && quote.terms.mode == mode);
        let quote = quote.ok_or(OpenError::NotFound)?;
        if quote.expires_at <= self.clock.now() { Err(OpenError::Expired) } else { Ok(quote) }
    }

    fn sandbox_payout_id(&self, org: OrgId, quote_id: &QuoteId) -> PayoutId {
        let digest = KeyDigest::of(&format!("{org} {quote_id}")).0;
        PayoutId(Uuid::from_slice(&digest[..16]).unwrap())
    }

    fn sandbox_tracking_token(&self, id: PayoutId) -> TrackingToken {
        TrackingToken(Uuid::from_u128(!id.0.as_u128()))
    }
}

/// Answers in the memory journal, where those of payouts are as well.
struct MemoryAnswers {
    journal: MemoryJournal,
    down: Arc<AtomicBool>,
}

impl MemoryAnswers {
    fn check(&self) -> Result<(), Unavailable> {
        if self.down.load(Ordering::SeqCst) { Err(Unavailable("down".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl IdempotencyStore for MemoryAnswers {
    async fn find_answer(
        &self,
        name: IdempotencyKeyHash,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, Unavailable> {
        self.check()?;
        Ok(self.journal.idempotency_record(name).filter(|kept| now < kept.expires_at))
    }

    async fn keep_answer(&self, answer: &IdempotencyRecord) -> Result<IdempotencyRecord, Unavailable> {
        self.check()?;
        Ok(self.journal.insert_idempotency_record(answer))
    }

    async fn forget_answers(&self, _: Timestamp, _: u32) -> Result<u64, Unavailable> {
        Err(Unavailable("not here".into()))
    }
}

struct Journalled(MemoryJournal);

#[async_trait]
impl QuoteUsage for Journalled {
    async fn payout_of_quote(&self, quote_id: &QuoteId) -> Result<Option<PayoutId>, Unavailable> {
        let of_quote = |id: &PayoutId| {
            self.0.row(*id).is_some_and(|snapshot| snapshot.payout.terms.quote_id == *quote_id)
        };
        Ok(self.0.ids().into_iter().find(of_quote))
    }
}

#[async_trait]
impl PayoutQueryStore for Journalled {
    async fn page(
        &self,
        filter: &PayoutQuery,
        place: PageCursor,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Stored>, Unavailable> {
        let late = |row: &Snapshot| row.late() || row.state.due().is_some_and(|due| due.passed(now));
        let fits = |row: &Snapshot| {
            let NewPayout { id, created_at, terms, .. } = &*row.payout;
            (terms.org, terms.mode) == (filter.org, filter.mode)
                && (PageCursor { created_at: *created_at, id: *id }) < place
                && filter.created_after.is_none_or(|after| *created_at >= after)
                && filter.external_ref.as_deref().is_none_or(|wanted| *terms.external_ref == *wanted)
                && filter.statuses().contains(&row.status())
                && filter.late.is_none_or(|wanted| wanted == late(row))
        };
        let rows = self.0.ids().into_iter().filter_map(|id| self.0.row(id)).filter(|row| fits(row));
        let mut places: Vec<_> = rows.map(|row| (row.payout.created_at, row.payout.id)).collect();
        places.sort_unstable_by(|a, b| b.cmp(a));
        places.truncate(limit as usize);
        let ids: Vec<_> = places.into_iter().map(|(_, id)| id).collect();
        Ok(self.0.load(&ids).await?.into_iter().flatten().collect())
    }
}

/// The keys of two organisations, an expired one and one whose prefix lies.
pub(super) struct FakeKeys {
    keys: Vec<(String, ApiKey)>,
    pub(super) down: std::sync::atomic::AtomicBool,
}

impl Default for FakeKeys {
    fn default() -> Self {
        let key = |text: &str, org: OrgId, mode: Mode, expires_at: Option<Timestamp>| {
            let key = ApiKey {
                id: Uuid::from_slice(&KeyDigest::of(text).0[..16]).unwrap(),
                org,
                org_name: org.to_string(),
                mode,
                digest: KeyDigest::of(text),
                hint: text[text.len() - 4..].into(),
                created_at: sample::at(-10),
                expires_at,
            };
            (text.to_owned(), key)
        };
        let keys = vec![
            key(LIVE, acme(), Mode::Live, None),
            key(TEST, acme(), Mode::Test, None),
            key(OTHER, other(), Mode::Live, None),
            key("sk_live_expired", acme(), Mode::Live, Some(sample::at(0))),
            key("sk_live_expiring", acme(), Mode::Live, Some(sample::at(2))),
            key("sk_live_mismatch", acme(), Mode::Test, None),
        ];
        Self { keys, down: false.into() }
    }
}

#[async_trait]
impl ApiKeyStore for FakeKeys {
    async fn find_or_create_org(&self, _: &str, _: Timestamp) -> Result<OrgId, Unavailable> {
        Err(Unavailable("not here".into()))
    }

    async fn insert_key(&self, _: &ApiKey) -> Result<(), Unavailable> {
        Err(Unavailable("not here".into()))
    }

    async fn find_key(&self, digest: &KeyDigest) -> Result<Option<ApiKey>, Unavailable> {
        if self.down.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(Unavailable("down".into()));
        }
        Ok(self.keys.iter().map(|(_, key)| key).find(|key| key.digest == *digest).cloned())
    }

    async fn list_keys(&self, _: Option<&str>) -> Result<Vec<ApiKey>, Unavailable> {
        Err(Unavailable("not here".into()))
    }

    async fn expire_key(&self, _: Uuid, _: Timestamp) -> Result<bool, Unavailable> {
        Err(Unavailable("not here".into()))
    }
}
