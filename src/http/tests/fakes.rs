//! In-memory implementations of the traits that the API depends on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use payoutd_actors::ports::{Clock, IdempotencyKeyHash, IdempotencyRecord, Journal, Stored, Unavailable};
use payoutd_actors::testing::{ManualClock, MemoryJournal, sample};
use payoutd_domain::{Mode, NewPayout, OrgId, PayoutId, QuoteId, Snapshot, Timestamp, TrackingToken};
use uuid::Uuid;

use super::test_app::{LIVE, OTHER, TEST, acme, other};
use crate::api_keys::{ApiKey, ApiKeyStore, KeyDigest};
use crate::idempotency::{IdempotencyStore, RecordFor};
use crate::payout_query::{PageCursor, PayoutQuery, PayoutQueryStore};
use crate::quotes::{OpenError, Quote, QuoteError, QuoteRefusal, QuoteRequest, QuoteUsage, Quotes};

/// Issues quotes without prices. The `external_ref` of a request selects the outcome.
pub(super) struct FakeQuotes {
    clock: ManualClock,
    journal: MemoryJournal,
    quotes: Mutex<HashMap<String, Quote>>,
    issued: AtomicU64,
}

impl FakeQuotes {
    pub(super) fn new(clock: ManualClock, journal: MemoryJournal) -> Self {
        Self { clock, journal, quotes: Mutex::default(), issued: AtomicU64::new(0) }
    }

    pub(super) fn insert(&self, id: String, quote: Quote) {
        self.quotes.lock().unwrap().insert(id, quote);
    }

    pub(super) fn delete_all(&self) {
        self.quotes.lock().unwrap().clear();
    }

    /// The number of quotes issued by requests.
    pub(super) fn issued(&self) -> u64 {
        self.issued.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Quotes for FakeQuotes {
    async fn quote(
        &self,
        org: OrgId,
        mode: Mode,
        request: QuoteRequest,
        record_for: RecordFor<'_, str>,
    ) -> Result<String, QuoteError> {
        let detail = String::from("a sentence");
        match request.external_ref.as_str() {
            "panic" => panic!("requested by the test"),
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
                // Lets concurrent requests run in between.
                tokio::task::yield_now().await;
                let number = self.issued.fetch_add(1, Ordering::SeqCst);
                let quote = format!(r#"{{"quote_id":"quo_{other}","for":"{org} {mode}","number":{number}}}"#);
                if mode == Mode::Live
                    && let Some(record) = record_for(&quote)
                {
                    let _ = self.journal.insert_idempotency_record(&record);
                }
                Ok(quote)
            }
        }
    }

    async fn open(&self, org: OrgId, mode: Mode, quote_id: &str) -> Result<Quote, OpenError> {
        match quote_id {
            "panic" => panic!("requested by the test"),
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

/// Stores idempotency records in the memory journal, which also stores those of payouts.
pub(super) struct MemoryIdempotencyStore {
    journal: MemoryJournal,
    is_unavailable: Arc<AtomicBool>,
}

impl MemoryIdempotencyStore {
    pub(super) fn new(journal: MemoryJournal, is_unavailable: Arc<AtomicBool>) -> Self {
        Self { journal, is_unavailable }
    }

    fn check(&self) -> Result<(), Unavailable> {
        if self.is_unavailable.load(Ordering::SeqCst) { Err(Unavailable("down".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl IdempotencyStore for MemoryIdempotencyStore {
    async fn find_record(
        &self,
        key_hash: IdempotencyKeyHash,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, Unavailable> {
        self.check()?;
        Ok(self.journal.idempotency_record(key_hash).filter(|record| now < record.expires_at))
    }

    async fn insert_record(&self, record: &IdempotencyRecord) -> Result<IdempotencyRecord, Unavailable> {
        self.check()?;
        Ok(self.journal.insert_idempotency_record(record))
    }

    async fn purge_expired_records(&self, _: Timestamp, _: u32) -> Result<u64, Unavailable> {
        Err(Unavailable("not implemented".into()))
    }
}

/// Reads payouts from the memory journal.
pub(super) struct MemoryPayoutStore(pub(super) MemoryJournal);

#[async_trait]
impl QuoteUsage for MemoryPayoutStore {
    async fn payout_of_quote(&self, quote_id: &QuoteId) -> Result<Option<PayoutId>, Unavailable> {
        let of_quote = |id: &PayoutId| {
            self.0.row(*id).is_some_and(|snapshot| snapshot.payout.terms.quote_id == *quote_id)
        };
        Ok(self.0.ids().into_iter().find(of_quote))
    }
}

#[async_trait]
impl PayoutQueryStore for MemoryPayoutStore {
    async fn page(
        &self,
        filter: &PayoutQuery,
        position: PageCursor,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Stored>, Unavailable> {
        let late = |row: &Snapshot| row.late() || row.state.due().is_some_and(|due| due.passed(now));
        let matches = |row: &Snapshot| {
            let NewPayout { id, created_at, terms, .. } = &*row.payout;
            (terms.org, terms.mode) == (filter.org, filter.mode)
                && (PageCursor { created_at: *created_at, id: *id }) < position
                && filter.created_after.is_none_or(|after| *created_at >= after)
                && filter.external_ref.as_deref().is_none_or(|wanted| *terms.external_ref == *wanted)
                && filter.statuses().contains(&row.status())
                && filter.late.is_none_or(|wanted| wanted == late(row))
        };
        let rows = self.0.ids().into_iter().filter_map(|id| self.0.row(id)).filter(|row| matches(row));
        let mut positions: Vec<_> = rows.map(|row| (row.payout.created_at, row.payout.id)).collect();
        positions.sort_unstable_by(|a, b| b.cmp(a));
        positions.truncate(limit as usize);
        let ids: Vec<_> = positions.into_iter().map(|(_, id)| id).collect();
        Ok(self.0.load(&ids).await?.into_iter().flatten().collect())
    }
}

/// The keys of two organisations, among them an expired key and one whose prefix names the wrong mode.
pub(super) struct FakeKeyStore {
    keys: Vec<(String, ApiKey)>,
    pub(super) is_unavailable: AtomicBool,
}

impl Default for FakeKeyStore {
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
        Self { keys, is_unavailable: false.into() }
    }
}

#[async_trait]
impl ApiKeyStore for FakeKeyStore {
    async fn find_or_create_org(&self, _: &str, _: Timestamp) -> Result<OrgId, Unavailable> {
        Err(Unavailable("not implemented".into()))
    }

    async fn insert_key(&self, _: &ApiKey) -> Result<(), Unavailable> {
        Err(Unavailable("not implemented".into()))
    }

    async fn find_key(&self, digest: &KeyDigest) -> Result<Option<ApiKey>, Unavailable> {
        if self.is_unavailable.load(Ordering::SeqCst) {
            return Err(Unavailable("down".into()));
        }
        Ok(self.keys.iter().map(|(_, key)| key).find(|key| key.digest == *digest).cloned())
    }

    async fn list_keys(&self, _: Option<&str>) -> Result<Vec<ApiKey>, Unavailable> {
        Err(Unavailable("not implemented".into()))
    }

    async fn expire_key(&self, _: Uuid, _: Timestamp) -> Result<bool, Unavailable> {
        Err(Unavailable("not implemented".into()))
    }
}
