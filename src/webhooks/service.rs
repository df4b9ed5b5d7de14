//! The operations of partners on their endpoints. An endpoint is visible only to the account that it belongs to.

mod replay;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use payoutd_actors::ports::{Clock, Journal, Unavailable};
use payoutd_domain::Account;
use tokio::sync::Notify;
use uuid::Uuid;

use super::test_event::{TEST_EVENT_TYPE, test_snapshot};
use super::{
    Attempt, Endpoint, EndpointId, EventType, Message, MessageId, SECRET_OVERLAP, SigningSecret, Target,
    Transport, Verdict, WebhookDelivery, WebhookStore, metrics, sign,
};
use crate::idempotency::RecordFor;
use crate::wire::Renderer;
pub use replay::ReplayRequest;

/// The most endpoints of one account.
pub const MAX_ENDPOINTS: u32 = 10;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 255;
/// The timeout of a test event, which is sent within the request that asks for it.
const TEST_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("no such endpoint")]
    NotFound,
    #[error("no such payout")]
    PayoutNotFound,
    #[error("{field} {detail}")]
    Invalid {
        field: &'static str,
        /// The rule that the field violates, as a predicate: "must ...".
        detail: String,
    },
    /// The account has [`MAX_ENDPOINTS`] endpoints.
    #[error("there are {MAX_ENDPOINTS} endpoints already")]
    TooMany,
    #[error("the endpoint is disabled")]
    Disabled,
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEndpoint {
    pub url: String,
    /// The event types to subscribe to; `None` for [`EventType::DEFAULT`].
    pub types: Option<Vec<EventType>>,
    pub description: String,
}

/// A page of a delivery log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPage {
    /// Newest first.
    pub deliveries: Vec<WebhookDelivery>,
    /// The id to continue before, if there are older deliveries.
    pub next: Option<i64>,
}

/// The result of a test event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResult {
    pub message_id: MessageId,
    pub succeeded: bool,
    pub attempt: Attempt,
}

pub struct WebhookService {
    pub store: Arc<dyn WebhookStore>,
    pub journal: Arc<dyn Journal>,
    pub transport: Arc<Transport>,
    pub renderer: Renderer,
    pub clock: Arc<dyn Clock>,
    /// Wakes the dispatcher.
    pub wakeup: Arc<Notify>,
}

impl WebhookService {
    /// Creates an endpoint with a random secret. The idempotency record that `record_for` returns is stored in the same
    /// commit.
    ///
    /// # Errors
    /// Returns `Invalid` if a field of `new` is invalid, `TooMany` if the account has the maximum number of endpoints.
    pub async fn create(
        &self,
        account: Account,
        new: NewEndpoint,
        record_for: RecordFor<'_, Endpoint>,
    ) -> Result<Endpoint, WebhookError> {
        let invalid = |field, detail: String| WebhookError::Invalid { field, detail };
        let target = Target::parse(&new.url, self.transport.policy());
        let target = target.map_err(|error| invalid("url", error.to_string()))?;
        if new.description.chars().count() > MAX_DESCRIPTION || new.description.contains('\0') {
            return Err(invalid("description", format!("must have at most {MAX_DESCRIPTION} characters")));
        }
        let mut types = new.types.unwrap_or_else(|| EventType::DEFAULT.to_vec());
        types.sort_unstable();
        types.dedup();
        if types.is_empty() {
            return Err(invalid("types", "must name at least one type".into()));
        }
        let endpoint = Endpoint {
            id: EndpointId(Uuid::now_v7()),
            org: account.org,
            mode: account.mode,
            url: target.url().to_string(),
            description: new.description,
            types,
            secret: generate_secret()?,
            previous_secret: None,
            created_at: self.clock.now(),
            disabled: None,
            failing_since: None,
        };
        let record = record_for(&endpoint);
        if self.store.insert_endpoint(&endpoint, MAX_ENDPOINTS, record.as_ref()).await? {
            Ok(endpoint)
        } else {
            Err(WebhookError::TooMany)
        }
    }

    /// The account's endpoints, oldest first.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be read.
    pub async fn list(&self, account: Account) -> Result<Vec<Endpoint>, WebhookError> {
        Ok(self.store.endpoints(account).await?)
    }

    /// Returns one of the account's endpoints.
    ///
    /// # Errors
    /// Returns `NotFound` if the account has no endpoint with this id.
    pub async fn find(&self, account: Account, id: EndpointId) -> Result<Endpoint, WebhookError> {
        let found = self.store.endpoint(id).await?;
        found.filter(|endpoint| endpoint.account() == account).ok_or(WebhookError::NotFound)
    }

    /// Deletes an endpoint. Its waiting deliveries are skipped.
    ///
    /// # Errors
    /// Returns `NotFound` if the account has no endpoint with this id.
    pub async fn delete(&self, account: Account, id: EndpointId) -> Result<(), WebhookError> {
        self.find(account, id).await?;
        if self.store.delete_endpoint(id).await? { Ok(()) } else { Err(WebhookError::NotFound) }
    }

    /// Replaces an endpoint's secret. For [`SECRET_OVERLAP`], messages carry a signature of the previous secret as well.
    /// The idempotency record that `record_for` returns is stored in the same commit.
    ///
    /// # Errors
    /// Returns `NotFound` if the account has no endpoint with this id.
    pub async fn rotate(
        &self,
        account: Account,
        id: EndpointId,
        record_for: RecordFor<'_, Endpoint>,
    ) -> Result<Endpoint, WebhookError> {
        let mut endpoint = self.find(account, id).await?;
        let overlap_seconds = u32::try_from(SECRET_OVERLAP.as_secs()).unwrap_or(u32::MAX);
        let overlap_until = self.clock.now().plus_seconds(overlap_seconds);
        let previous = std::mem::replace(&mut endpoint.secret, generate_secret()?);
        endpoint.previous_secret = Some((previous, overlap_until));
        let record = record_for(&endpoint);
        if self.store.rotate_secret(id, &endpoint.secret, overlap_until, record.as_ref()).await? {
            Ok(endpoint)
        } else {
            Err(WebhookError::NotFound)
        }
    }

    /// Enables a disabled endpoint. The deliveries that were skipped in the meantime can be replayed.
    ///
    /// # Errors
    /// Returns `NotFound` if the account has no endpoint with this id.
    pub async fn enable(&self, account: Account, id: EndpointId) -> Result<Endpoint, WebhookError> {
        self.find(account, id).await?;
        if !self.store.enable_endpoint(id).await? {
            return Err(WebhookError::NotFound);
        }
        self.find(account, id).await
    }

    /// Returns at most `limit` of an endpoint's deliveries, newest first, all of them older than `before`.
    ///
    /// # Errors
    /// Returns `NotFound` if the account has no endpoint with this id.
    pub async fn deliveries(
        &self,
        account: Account,
        id: EndpointId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<DeliveryPage, WebhookError> {
        self.find(account, id).await?;
        let mut deliveries = self.store.deliveries(id, before, limit.saturating_add(1)).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = deliveries.len() > limit;
        deliveries.truncate(limit);
        let next = deliveries.last().filter(|_| has_more).map(|last| last.id);
        Ok(DeliveryPage { deliveries, next })
    }

    /// Sends a test event immediately, also to a disabled endpoint. It is not added to the delivery log.
    ///
    /// # Errors
    /// Returns `NotFound` if the account has no endpoint with this id.
    pub async fn test(&self, account: Account, id: EndpointId) -> Result<TestResult, WebhookError> {
        let endpoint = self.find(account, id).await?;
        let now = self.clock.now();
        let rendered = test_snapshot(now)
            .and_then(|snapshot| self.renderer.webhook(TEST_EVENT_TYPE, None, &snapshot, now).ok());
        let body = rendered.ok_or_else(|| Unavailable("the test event cannot be rendered".into()))?;
        let (message_id, timestamp) = (MessageId::random(), now.micros() / 1_000_000);
        let signature = sign(endpoint.secrets_at(now), &message_id.to_string(), timestamp, &body);
        let message = Message { id: message_id.to_string(), timestamp, signature, body: Bytes::from(body) };
        let attempt = self.transport.post(&endpoint.url, &message, now, TEST_TIMEOUT).await.attempt;
        metrics::count_attempt(&attempt);
        Ok(TestResult { message_id, succeeded: attempt.verdict() == Verdict::Succeeded, attempt })
    }
}

fn generate_secret() -> Result<SigningSecret, WebhookError> {
    SigningSecret::generate().map_err(|error| {
        tracing::error!(%error, "the operating system's random generator failed");
        WebhookError::Unavailable(Unavailable("the random generator failed".into()))
    })
}
