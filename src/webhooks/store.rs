//! Where endpoints and deliveries are kept. Deliveries are made by the commits they tell of, not through this port.

use async_trait::async_trait;
use payoutd_actors::ports::{IdempotencyRecord, Unavailable};
use payoutd_domain::{Mode, OrgId, Timestamp};

use super::{Attempt, Delivery, DisabledReason, Endpoint, EndpointId, NewDelivery, SigningSecret};

/// A delivery whose time has come, and to whom it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// What is to be sent.
    pub delivery: Delivery,
    /// To whom.
    pub endpoint: Endpoint,
}

/// What an attempt means for its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Succeeded,
    /// It was not, and is tried again then.
    RetryAt(Timestamp),
    /// There was no attempt; there is one then.
    PutOff(Timestamp),
    /// It is given up, and its endpoint disabled.
    GivenUp(DisabledReason),
}

/// What is written after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The delivery's number.
    pub id: i64,
    /// Whose delivery it is.
    pub endpoint_id: EndpointId,
    /// Attempts so far, this one included.
    pub attempts: u32,
    /// What it means.
    pub outcome: Outcome,
    /// The whole log, this attempt included.
    pub log: Vec<Attempt>,
    /// When.
    pub at: Timestamp,
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WaitingDeliveries {
    /// Deliveries waiting for their first or next attempt.
    pub waiting: u64,
    /// The most overdue of them.
    pub oldest_due: Option<Timestamp>,
    /// Disabled endpoints.
    pub disabled_endpoints: u64,
}

/// Where endpoints and deliveries are kept.
#[async_trait]
pub trait WebhookStore: Send + Sync + 'static {
    /// Keeps a new endpoint, unless its organisation has `limit` in that mode already. Returns whether it is kept.
    /// Keeps `answer` with it, if any; where one of its name is kept already, nothing is written.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn insert_endpoint(
        &self,
        endpoint: &Endpoint,
        limit: u32,
        answer: Option<&IdempotencyRecord>,
    ) -> Result<bool, Unavailable>;

    /// An organisation's endpoints in one mode, oldest first.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn endpoints(&self, org: OrgId, mode: Mode) -> Result<Vec<Endpoint>, Unavailable>;

    /// The endpoint of that id, whoever's it is.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, Unavailable>;

    /// Forgets an endpoint. Nothing is sent to it any more. Returns whether there was one.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn delete_endpoint(&self, id: EndpointId) -> Result<bool, Unavailable>;

    /// Puts a new secret in place; the one before signs as well until `overlap_until`. Returns whether that is so now:
    /// there may be no such endpoint. Keeps `answer` with it, if any; where one of its name is kept already, nothing is
    /// written.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn rotate_secret(
        &self,
        id: EndpointId,
        secret: &SigningSecret,
        overlap_until: Timestamp,
        answer: Option<&IdempotencyRecord>,
    ) -> Result<bool, Unavailable>;

    /// Sends to a disabled endpoint again from now on. Returns whether there is such an endpoint.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn enable_endpoint(&self, id: EndpointId) -> Result<bool, Unavailable>;

    /// Deliveries that are due at `now`, to enabled endpoints other than `busy`: of each endpoint at most
    /// `per_endpoint`, the most overdue first. A delivery waits while an earlier one about the same payout waits.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn due_deliveries(
        &self,
        now: Timestamp,
        per_endpoint: u32,
        limit: u32,
        busy: &[EndpointId],
    ) -> Result<Vec<Due>, Unavailable>;

    /// Writes down what an attempt did. Later deliveries about the same payout come due when the next attempt does, or
    /// at once where there is none. Where the endpoint is disabled by it, what waits for it is skipped.
    ///
    /// # Errors
    /// Where the store cannot be asked. It may be written all the same; writing it again is safe.
    async fn record_attempt(&self, recorded: &Recorded) -> Result<(), Unavailable>;

    /// An endpoint's deliveries, newest first, from the one before `before`.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn deliveries(
        &self,
        id: EndpointId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Delivery>, Unavailable>;

    /// Makes these deliveries wait again, from `now`, and those that were never made as well. Returns how many.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn replay(
        &self,
        id: EndpointId,
        deliveries: &[NewDelivery],
        now: Timestamp,
    ) -> Result<u64, Unavailable>;

    /// Makes every delivery of an endpoint wait again whose change was committed at `since` or later. Returns how many.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn replay_since(
        &self,
        id: EndpointId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, Unavailable>;

    /// How much waits at `now`.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn waiting_deliveries(&self, now: Timestamp) -> Result<WaitingDeliveries, Unavailable>;

    /// Housekeeping at `now`: forgets deliveries made before `cutoff`, and calls up what was put off although nothing is
    /// before it any more. Returns how many were forgotten.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn tidy_deliveries(&self, now: Timestamp, cutoff: Timestamp) -> Result<u64, Unavailable>;
}
