//! An in-memory store for tests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use payoutd_actors::ports::{Clock, IdempotencyRecord, Journal, Unavailable};
use payoutd_actors::testing::MemoryJournal;
use payoutd_domain::{Account, Timestamp};

use super::{
    DeliveryBacklog, DeliveryStatus, DueDelivery, Endpoint, EndpointId, NewDelivery, Outcome, Policy,
    RecordedAttempt, SigningSecret, SystemResolver, TlsTrust, Transport, TransportLimits, WebhookDelivery,
    WebhookService, WebhookStore,
};
use crate::wire::Renderer;

/// Endpoints and deliveries in memory. Idempotency records are stored in the journal. Clones share all state.
#[derive(Clone)]
pub(crate) struct MemoryWebhookStore {
    rows: Arc<Mutex<Rows>>,
    records: MemoryJournal,
    backlog_panics: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Rows {
    endpoints: Vec<Endpoint>,
    deliveries: Vec<WebhookDelivery>,
}

impl MemoryWebhookStore {
    /// An empty store that stores idempotency records in `records`.
    pub(crate) fn with_records_in(records: MemoryJournal) -> Self {
        Self { rows: Arc::default(), records, backlog_panics: Arc::default() }
    }

    /// Makes `delivery_backlog` panic from now on.
    pub(super) fn panic_in_backlog(&self) {
        self.backlog_panics.store(true, Ordering::SeqCst);
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert_record(&self, record: Option<&IdempotencyRecord>) {
        if let Some(record) = record {
            let stored = self.records.insert_idempotency_record(record);
            assert_eq!(&stored, record, "callers look the key up before they write");
        }
    }

    /// Applies `change` to an endpoint. Returns whether the endpoint exists.
    fn update(&self, id: EndpointId, change: impl FnOnce(&mut Endpoint)) -> bool {
        self.rows().endpoints.iter_mut().find(|endpoint| endpoint.id == id).map(change).is_some()
    }
}

#[async_trait]
impl WebhookStore for MemoryWebhookStore {
    async fn insert_endpoint(
        &self,
        endpoint: &Endpoint,
        limit: u32,
        record: Option<&IdempotencyRecord>,
    ) -> Result<bool, Unavailable> {
        let mut rows = self.rows();
        let existing = rows.endpoints.iter().filter(|e| e.account() == endpoint.account()).count();
        let inserted = existing < limit as usize;
        if inserted {
            rows.endpoints.push(endpoint.clone());
            self.insert_record(record);
        }
        Ok(inserted)
    }

    async fn endpoints(&self, account: Account) -> Result<Vec<Endpoint>, Unavailable> {
        Ok(self.rows().endpoints.iter().filter(|e| e.account() == account).cloned().collect())
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, Unavailable> {
        Ok(self.rows().endpoints.iter().find(|endpoint| endpoint.id == id).cloned())
    }

    async fn delete_endpoint(&self, id: EndpointId) -> Result<bool, Unavailable> {
        let mut rows = self.rows();
        let count_before = rows.endpoints.len();
        rows.endpoints.retain(|endpoint| endpoint.id != id);
        Ok(rows.endpoints.len() < count_before)
    }

    async fn rotate_secret(
        &self,
        id: EndpointId,
        secret: &SigningSecret,
        overlap_until: Timestamp,
        record: Option<&IdempotencyRecord>,
    ) -> Result<bool, Unavailable> {
        Ok(self.update(id, |endpoint| {
            let previous = std::mem::replace(&mut endpoint.secret, secret.clone());
            endpoint.previous_secret = Some((previous, overlap_until));
            self.insert_record(record);
        }))
    }

    async fn enable_endpoint(&self, id: EndpointId) -> Result<bool, Unavailable> {
        Ok(self.update(id, |endpoint| {
            endpoint.disabled = None;
            endpoint.failing_since = None;
        }))
    }

    async fn due_deliveries(
        &self,
        now: Timestamp,
        per_endpoint: u32,
        limit: u32,
        busy: &[EndpointId],
    ) -> Result<Vec<DueDelivery>, Unavailable> {
        let rows = self.rows();
        let is_waiting = |d: &&WebhookDelivery| d.status == DeliveryStatus::Waiting;
        let is_first = |d: &WebhookDelivery| {
            !rows.deliveries.iter().filter(is_waiting).any(|earlier| {
                (earlier.endpoint_id, earlier.payout_id) == (d.endpoint_id, d.payout_id)
                    && earlier.sequence < d.sequence
            })
        };
        let mut due = Vec::new();
        for endpoint in rows.endpoints.iter().filter(|e| e.disabled.is_none() && !busy.contains(&e.id)) {
            let waiting = rows.deliveries.iter().filter(is_waiting).filter(|d| d.endpoint_id == endpoint.id);
            let of_endpoint = waiting.filter(|d| d.next_attempt_at <= now && is_first(d));
            let of_endpoint =
                of_endpoint.map(|d| DueDelivery { delivery: d.clone(), endpoint: endpoint.clone() });
            due.extend(of_endpoint.take(per_endpoint as usize));
        }
        due.sort_by_key(|due| due.delivery.next_attempt_at);
        due.truncate(limit as usize);
        Ok(due)
    }

    async fn record_attempt(&self, recorded: &RecordedAttempt) -> Result<(), Unavailable> {
        let mut rows = self.rows();
        let Some(delivery) =
            rows.deliveries.iter_mut().find(|d| d.id == recorded.id && d.status == DeliveryStatus::Waiting)
        else {
            return Ok(());
        };
        delivery.attempts = recorded.attempts;
        delivery.log.clone_from(&recorded.log);
        let at = recorded.at;
        let (status, next, disabled) = match recorded.outcome {
            Outcome::Succeeded => (DeliveryStatus::Succeeded, at, None),
            Outcome::RetryAt(when) | Outcome::Deferred(when) => (DeliveryStatus::Waiting, when, None),
            Outcome::Abandoned(reason) => (DeliveryStatus::Failed, at, Some((at, reason))),
        };
        delivery.status = status;
        delivery.next_attempt_at = next;
        let (id, payout, sequence) = (delivery.id, delivery.payout_id, delivery.sequence);
        for other in rows.deliveries.iter_mut().filter(|d| {
            d.endpoint_id == recorded.endpoint_id && d.status == DeliveryStatus::Waiting && d.id != id
        }) {
            if disabled.is_some() {
                other.status = DeliveryStatus::Skipped;
            } else if other.payout_id == payout && other.sequence > sequence {
                other.next_attempt_at = next;
            }
        }
        if let Some(endpoint) = rows.endpoints.iter_mut().find(|e| e.id == recorded.endpoint_id) {
            endpoint.disabled = disabled.or(endpoint.disabled);
            endpoint.failing_since = match recorded.outcome {
                Outcome::Succeeded => None,
                Outcome::Deferred(_) => endpoint.failing_since,
                Outcome::RetryAt(_) | Outcome::Abandoned(_) => endpoint.failing_since.or(Some(at)),
            };
        }
        Ok(())
    }

    async fn deliveries(
        &self,
        id: EndpointId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<WebhookDelivery>, Unavailable> {
        let rows = self.rows();
        let newest_first = rows.deliveries.iter().rev().filter(|d| d.endpoint_id == id);
        let page = newest_first.filter(|d| before.is_none_or(|before| d.id < before));
        Ok(page.take(limit as usize).cloned().collect())
    }

    async fn replay(
        &self,
        id: EndpointId,
        deliveries: &[NewDelivery],
        now: Timestamp,
    ) -> Result<u64, Unavailable> {
        let mut rows = self.rows();
        for new in deliveries {
            let existing = rows
                .deliveries
                .iter_mut()
                .find(|d| (d.endpoint_id, d.payout_id, d.sequence) == (id, new.payout_id, new.sequence));
            if let Some(existing) = existing {
                (existing.status, existing.attempts, existing.next_attempt_at) =
                    (DeliveryStatus::Waiting, 0, now);
                continue;
            }
            let next_id = i64::try_from(rows.deliveries.len()).unwrap_or(i64::MAX) + 1;
            rows.deliveries.push(WebhookDelivery {
                id: next_id,
                endpoint_id: id,
                payout_id: new.payout_id,
                sequence: new.sequence,
                kind: new.kind,
                status: DeliveryStatus::Waiting,
                attempts: 0,
                next_attempt_at: now,
                created_at: new.committed_at,
                log: Vec::new(),
            });
        }
        Ok(deliveries.len() as u64)
    }

    async fn replay_since(
        &self,
        id: EndpointId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, Unavailable> {
        let mut count = 0;
        for delivery in &mut self.rows().deliveries {
            if delivery.endpoint_id == id && delivery.created_at >= since {
                (delivery.status, delivery.attempts, delivery.next_attempt_at) =
                    (DeliveryStatus::Waiting, 0, now);
                count += 1;
            }
        }
        Ok(count)
    }

    async fn delivery_backlog(&self, _now: Timestamp) -> Result<DeliveryBacklog, Unavailable> {
        assert!(!self.backlog_panics.load(Ordering::SeqCst), "planned");
        let rows = self.rows();
        let waiting: Vec<_> =
            rows.deliveries.iter().filter(|d| d.status == DeliveryStatus::Waiting).collect();
        Ok(DeliveryBacklog {
            waiting: waiting.len() as u64,
            oldest_due: waiting.iter().map(|d| d.next_attempt_at).min(),
            disabled_endpoints: rows.endpoints.iter().filter(|e| e.disabled.is_some()).count() as u64,
        })
    }

    async fn maintain_deliveries(&self, _now: Timestamp, cutoff: Timestamp) -> Result<u64, Unavailable> {
        let mut rows = self.rows();
        let count_before = rows.deliveries.len();
        rows.deliveries.retain(|d| d.created_at >= cutoff || d.next_attempt_at >= cutoff);
        Ok((count_before - rows.deliveries.len()) as u64)
    }
}

/// A service with an in-memory store and a transport that resolves names as in production.
pub(crate) fn webhook_service(
    store: MemoryWebhookStore,
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    policy: Policy,
) -> WebhookService {
    WebhookService {
        store: Arc::new(store),
        journal,
        transport: Arc::new(transport(policy)),
        renderer: Renderer::new("https://pay.example"),
        clock,
        wakeup: Arc::default(),
    }
}

pub(super) fn transport(policy: Policy) -> Transport {
    let trust = TlsTrust::Only(rustls::RootCertStore::empty());
    Transport::new(policy, Arc::new(SystemResolver), trust, TransportLimits::default()).unwrap()
}
