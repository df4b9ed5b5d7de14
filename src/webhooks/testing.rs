//! A store in memory, for tests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use payoutd_actors::ports::{IdempotencyRecord, Unavailable};
use payoutd_actors::testing::MemoryJournal;
use payoutd_domain::{Mode, OrgId, Timestamp};

use super::{
    Delivery, DeliveryStatus, Due, Endpoint, EndpointId, NewDelivery, Outcome, Recorded, SigningSecret,
    WaitingDeliveries, WebhookStore,
};

/// Endpoints and deliveries in memory, and in the journal the answers kept with them. Clones share them.
#[derive(Clone)]
pub(crate) struct MemoryWebhooks {
    rows: Arc<Mutex<Rows>>,
    answers: MemoryJournal,
}

#[derive(Debug, Default)]
struct Rows {
    endpoints: Vec<Endpoint>,
    deliveries: Vec<Delivery>,
}

impl MemoryWebhooks {
    /// No endpoints, and answers in that journal.
    pub(crate) fn answering_in(answers: MemoryJournal) -> Self {
        Self { rows: Arc::default(), answers }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, answer: Option<&IdempotencyRecord>) {
        if let Some(answer) = answer {
            let kept = self.answers.keep_answer(answer);
            assert_eq!(&kept, answer, "whoever has an answer kept looked for it before");
        }
    }

    /// Does something with an endpoint, if there is such a one.
    fn with(&self, id: EndpointId, change: impl FnOnce(&mut Endpoint)) -> bool {
        self.rows().endpoints.iter_mut().find(|endpoint| endpoint.id == id).map(change).is_some()
    }
}

#[async_trait]
impl WebhookStore for MemoryWebhooks {
    async fn insert_endpoint(
        &self,
        endpoint: &Endpoint,
        limit: u32,
        answer: Option<&IdempotencyRecord>,
    ) -> Result<bool, Unavailable> {
        let mut rows = self.rows();
        let same = rows.endpoints.iter().filter(|e| (e.org, e.mode) == (endpoint.org, endpoint.mode)).count();
        let free = same < limit as usize;
        if free {
            rows.endpoints.push(endpoint.clone());
            self.keep(answer);
        }
        Ok(free)
    }

    async fn endpoints(&self, org: OrgId, mode: Mode) -> Result<Vec<Endpoint>, Unavailable> {
        Ok(self.rows().endpoints.iter().filter(|e| (e.org, e.mode) == (org, mode)).cloned().collect())
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, Unavailable> {
        Ok(self.rows().endpoints.iter().find(|endpoint| endpoint.id == id).cloned())
    }

    async fn delete_endpoint(&self, id: EndpointId) -> Result<bool, Unavailable> {
        let mut rows = self.rows();
        let before = rows.endpoints.len();
        rows.endpoints.retain(|endpoint| endpoint.id != id);
        Ok(rows.endpoints.len() < before)
    }

    async fn rotate_secret(
        &self,
        id: EndpointId,
        secret: &SigningSecret,
        overlap_until: Timestamp,
        answer: Option<&IdempotencyRecord>,
    ) -> Result<bool, Unavailable> {
        Ok(self.with(id, |endpoint| {
            let before = std::mem::replace(&mut endpoint.secret, secret.clone());
            endpoint.previous_secret = Some((before, overlap_until));
            self.keep(answer);
        }))
    }

    async fn enable_endpoint(&self, id: EndpointId) -> Result<bool, Unavailable> {
        Ok(self.with(id, |endpoint| {
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
    ) -> Result<Vec<Due>, Unavailable> {
        let rows = self.rows();
        let waits = |d: &&Delivery| d.status == DeliveryStatus::Waiting;
        let first = |d: &Delivery| {
            !rows.deliveries.iter().filter(waits).any(|earlier| {
                (earlier.endpoint_id, earlier.payout_id) == (d.endpoint_id, d.payout_id)
                    && earlier.sequence < d.sequence
            })
        };
        let mut due = Vec::new();
        for endpoint in rows.endpoints.iter().filter(|e| e.disabled.is_none() && !busy.contains(&e.id)) {
            let its = rows.deliveries.iter().filter(waits).filter(|d| d.endpoint_id == endpoint.id);
            let its = its.filter(|d| d.next_attempt_at <= now && first(d));
            let its = its.map(|d| Due { delivery: d.clone(), endpoint: endpoint.clone() });
            due.extend(its.take(per_endpoint as usize));
        }
        due.sort_by_key(|due| due.delivery.next_attempt_at);
        due.truncate(limit as usize);
        Ok(due)
    }

    async fn record_attempt(&self, recorded: &Recorded) -> Result<(), Unavailable> {
        let mut rows = self.rows();
        let Some(this) =
            rows.deliveries.iter_mut().find(|d| d.id == recorded.id && d.status == DeliveryStatus::Waiting)
        else {
            return Ok(());
        };
        this.attempts = recorded.attempts;
        this.log.clone_from(&recorded.log);
        let at = recorded.at;
        let (status, next, disabled) = match recorded.outcome {
            Outcome::Succeeded => (DeliveryStatus::Succeeded, at, None),
            Outcome::RetryAt(when) | Outcome::PutOff(when) => (DeliveryStatus::Waiting, when, None),
            Outcome::GivenUp(reason) => (DeliveryStatus::Failed, at, Some((at, reason))),
        };
        this.status = status;
        this.next_attempt_at = next;
        let (id, payout, sequence) = (this.id, this.payout_id, this.sequence);
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
                Outcome::PutOff(_) => endpoint.failing_since,
                Outcome::RetryAt(_) | Outcome::GivenUp(_) => endpoint.failing_since.or(Some(at)),
            };
        }
        Ok(())
    }

    async fn deliveries(
        &self,
        id: EndpointId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Delivery>, Unavailable> {
        let rows = self.rows();
        let its = rows.deliveries.iter().rev().filter(|d| d.endpoint_id == id);
        let its = its.filter(|d| before.is_none_or(|before| d.id < before));
        Ok(its.take(limit as usize).cloned().collect())
    }

    async fn replay(
        &self,
        id: EndpointId,
        deliveries: &[NewDelivery],
        now: Timestamp,
    ) -> Result<u64, Unavailable> {
        let mut rows = self.rows();
        for new in deliveries {
            let there = rows
                .deliveries
                .iter_mut()
                .find(|d| (d.endpoint_id, d.payout_id, d.sequence) == (id, new.payout_id, new.sequence));
            if let Some(there) = there {
                (there.status, there.attempts, there.next_attempt_at) = (DeliveryStatus::Waiting, 0, now);
                continue;
            }
            let number = i64::try_from(rows.deliveries.len()).unwrap_or(i64::MAX) + 1;
            rows.deliveries.push(Delivery {
                id: number,
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

    async fn waiting_deliveries(&self, _now: Timestamp) -> Result<WaitingDeliveries, Unavailable> {
        let rows = self.rows();
        let waiting: Vec<_> =
            rows.deliveries.iter().filter(|d| d.status == DeliveryStatus::Waiting).collect();
        Ok(WaitingDeliveries {
            waiting: waiting.len() as u64,
            oldest_due: waiting.iter().map(|d| d.next_attempt_at).min(),
            disabled_endpoints: rows.endpoints.iter().filter(|e| e.disabled.is_some()).count() as u64,
        })
    }

    async fn tidy_deliveries(&self, _now: Timestamp, cutoff: Timestamp) -> Result<u64, Unavailable> {
        let mut rows = self.rows();
        let before = rows.deliveries.len();
        rows.deliveries.retain(|d| d.created_at >= cutoff || d.next_attempt_at >= cutoff);
        Ok((before - rows.deliveries.len()) as u64)
    }
}

/// A desk over nothing: a store in memory, a transport as production has it.
pub(crate) fn desk(
    store: MemoryWebhooks,
    journal: Arc<dyn payoutd_actors::ports::Journal>,
    clock: Arc<dyn payoutd_actors::ports::Clock>,
    policy: super::Policy,
) -> super::WebhookService {
    let trust = super::TlsTrust::Only(rustls::RootCertStore::empty());
    let transport = super::Transport::new(
        policy,
        Arc::new(super::SystemResolver),
        trust,
        super::TransportLimits::default(),
    );
    super::WebhookService {
        store: Arc::new(store),
        journal,
        transport: Arc::new(transport.unwrap()),
        renderer: crate::wire::Renderer::new("https://pay.example"),
        clock,
        hint: Arc::default(),
    }
}
