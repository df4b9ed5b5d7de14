//! The store port for endpoints and deliveries. New deliveries are inserted by the commits of their changes, not
//! through this port.

use async_trait::async_trait;
use payoutd_actors::ports::{IdempotencyRecord, Unavailable};
use payoutd_domain::{Account, Timestamp};

use super::{Attempt, DisabledReason, Endpoint, EndpointId, NewDelivery, SigningSecret, WebhookDelivery};

/// A delivery that is due, with its endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDelivery {
    pub delivery: WebhookDelivery,
    pub endpoint: Endpoint,
}

/// What follows for a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    /// The attempt failed. The next one is due at this time.
    RetryAt(Timestamp),
    /// No attempt was made. The next one is due at this time.
    Deferred(Timestamp),
    /// The last attempt failed, or the endpoint answered 410. The endpoint is disabled.
    Abandoned(DisabledReason),
}

/// The new state of a delivery after an attempt or a deferral.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedAttempt {
    /// The id of the delivery.
    pub id: i64,
    pub endpoint_id: EndpointId,
    /// The number of attempts so far, including this one.
    pub attempts: u32,
    pub outcome: Outcome,
    /// The whole log, including this attempt.
    pub log: Vec<Attempt>,
    /// When the attempt ended.
    pub at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeliveryBacklog {
    /// The number of deliveries that wait for their first or next attempt.
    pub waiting: u64,
    /// When the most overdue of them became due.
    pub oldest_due: Option<Timestamp>,
    pub disabled_endpoints: u64,
}

/// Stores endpoints and deliveries.
#[async_trait]
pub trait WebhookStore: Send + Sync + 'static {
    /// Inserts an endpoint, unless its account has `limit` endpoints. Returns whether it was inserted. `record` is
    /// stored in the same commit; if a record with the same key exists, nothing is written.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be written.
    async fn insert_endpoint(
        &self,
        endpoint: &Endpoint,
        limit: u32,
        record: Option<&IdempotencyRecord>,
    ) -> Result<bool, Unavailable>;

    /// The endpoints of an account, oldest first.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be read.
    async fn endpoints(&self, account: Account) -> Result<Vec<Endpoint>, Unavailable>;

    /// The endpoint with this id, regardless of its account.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be read.
    async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, Unavailable>;

    /// Deletes an endpoint. Its waiting deliveries are skipped; its deliveries stay until they are purged. Returns whether
    /// the endpoint existed.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be written.
    async fn delete_endpoint(&self, id: EndpointId) -> Result<bool, Unavailable>;

    /// Replaces an endpoint's secret and keeps the previous one until `overlap_until`. Returns whether the endpoint
    /// exists. `record` is stored in the same commit; if a record with the same key exists, nothing is written.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be written.
    async fn rotate_secret(
        &self,
        id: EndpointId,
        secret: &SigningSecret,
        overlap_until: Timestamp,
        record: Option<&IdempotencyRecord>,
    ) -> Result<bool, Unavailable>;

    /// Enables a disabled endpoint. Returns whether the endpoint exists.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be written.
    async fn enable_endpoint(&self, id: EndpointId) -> Result<bool, Unavailable>;

    /// The deliveries that are due at `now` to enabled endpoints other than `busy`: at most `per_endpoint` of each
    /// endpoint and `limit` altogether, the most overdue first. A delivery is not due while an earlier one of the same
    /// endpoint and payout waits.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be read.
    async fn due_deliveries(
        &self,
        now: Timestamp,
        per_endpoint: u32,
        limit: u32,
        busy: &[EndpointId],
    ) -> Result<Vec<DueDelivery>, Unavailable>;

    /// Records an attempt or a deferral. Later deliveries of the same endpoint and payout become due with the next
    /// attempt, or immediately if there is none. If the outcome disables the endpoint, its waiting deliveries are
    /// skipped. Idempotent.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be written or the outcome of the commit is unknown.
    async fn record_attempt(&self, recorded: &RecordedAttempt) -> Result<(), Unavailable>;

    /// At most `limit` of an endpoint's deliveries, newest first, all of them older than `before`.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be read.
    async fn deliveries(
        &self,
        id: EndpointId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<WebhookDelivery>, Unavailable>;

    /// Makes these deliveries due at `now`, and inserts those that do not exist. Returns their number.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be written.
    async fn replay(
        &self,
        id: EndpointId,
        deliveries: &[NewDelivery],
        now: Timestamp,
    ) -> Result<u64, Unavailable>;

    /// Makes an endpoint's deliveries due at `now` whose change was committed at `since` or later. Returns their number.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be written.
    async fn replay_since(
        &self,
        id: EndpointId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, Unavailable>;

    /// The backlog at `now`.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be read.
    async fn delivery_backlog(&self, now: Timestamp) -> Result<DeliveryBacklog, Unavailable>;

    /// Makes deferred deliveries due at `now` that no earlier delivery blocks any more, and deletes deliveries that were
    /// created and last due before `cutoff`. Returns the number of deleted deliveries.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be written.
    async fn maintain_deliveries(&self, now: Timestamp, cutoff: Timestamp) -> Result<u64, Unavailable>;
}
