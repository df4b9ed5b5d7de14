//! What partners do with their endpoints. Every endpoint belongs to one organisation and mode; for all others it does
//! not exist.

mod owner;
mod replay;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use payoutd_actors::ports::{Clock, Journal, Unavailable};
use tokio::sync::Notify;
use uuid::Uuid;

use super::sample::{TEST_TYPE, sample};
use super::{
    Attempt, Delivery, Endpoint, EndpointId, EventType, Message, MessageId, OVERLAP, SigningSecret, Target,
    Transport, Verdict, WebhookStore, metrics, sign,
};
use crate::idempotency::RecordFor;
use crate::wire::Renderer;
pub use owner::Owner;
pub use replay::ReplayRequest;

/// The most endpoints of an organisation in one mode.
pub const MAX_ENDPOINTS: u32 = 10;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 255;
/// A test is answered within the time of an ordinary request.
const TEST_DEADLINE: Duration = Duration::from_secs(10);

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// There is no such endpoint.
    #[error("no such endpoint")]
    NotFound,
    /// There is no such payout.
    #[error("no such payout")]
    PayoutNotFound,
    /// A field is not what it must be.
    #[error("{field} {detail}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What it must be.
        detail: String,
    },
    /// There are as many endpoints as there may be.
    #[error("there are {MAX_ENDPOINTS} endpoints already")]
    TooMany,
    /// The endpoint is disabled.
    #[error("the endpoint is disabled")]
    Disabled,
    /// The store cannot be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What a new endpoint is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEndpoint {
    /// Where it is.
    pub url: String,
    /// What it is told of; `None` for what is usual.
    pub types: Option<Vec<EventType>>,
    /// What it is for.
    pub description: String,
}

/// Part of a delivery log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Newest first.
    pub deliveries: Vec<Delivery>,
    /// The number to go on before, where there is more.
    pub next: Option<i64>,
}

/// What became of a test event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestReport {
    /// Its `webhook-id`.
    pub message_id: MessageId,
    /// Whether the endpoint took it.
    pub succeeded: bool,
    /// The attempt.
    pub attempt: Attempt,
}

/// Does what partners ask for.
pub struct WebhookService {
    /// Where endpoints are kept.
    pub store: Arc<dyn WebhookStore>,
    /// Where payouts are recorded.
    pub journal: Arc<dyn Journal>,
    /// What sends.
    pub transport: Arc<Transport>,
    /// Renders payouts.
    pub renderer: Renderer,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Rings the sender.
    pub hint: Arc<Notify>,
}

impl WebhookService {
    /// Makes an endpoint, and keeps the answer in the same commit. It holds its secret, to be shown this once.
    ///
    /// # Errors
    /// Where it cannot be, or there are too many.
    pub async fn create(
        &self,
        owner: Owner,
        new: NewEndpoint,
        answer: RecordFor<'_, Endpoint>,
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
            org: owner.org,
            mode: owner.mode,
            url: target.url().to_string(),
            description: new.description,
            types,
            secret: new_secret()?,
            previous_secret: None,
            created_at: self.clock.now(),
            disabled: None,
            failing_since: None,
        };
        let answer = answer(&endpoint);
        if self.store.insert_endpoint(&endpoint, MAX_ENDPOINTS, answer.as_ref()).await? {
            Ok(endpoint)
        } else {
            Err(WebhookError::TooMany)
        }
    }

    /// The owner's endpoints, oldest first.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    pub async fn list(&self, owner: Owner) -> Result<Vec<Endpoint>, WebhookError> {
        Ok(self.store.endpoints(owner.org, owner.mode).await?)
    }

    /// One of the owner's endpoints.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn find(&self, owner: Owner, id: EndpointId) -> Result<Endpoint, WebhookError> {
        let found = self.store.endpoint(id).await?;
        found.filter(|endpoint| owner.owns(endpoint)).ok_or(WebhookError::NotFound)
    }

    /// Forgets an endpoint.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn delete(&self, owner: Owner, id: EndpointId) -> Result<(), WebhookError> {
        self.find(owner, id).await?;
        if self.store.delete_endpoint(id).await? { Ok(()) } else { Err(WebhookError::NotFound) }
    }

    /// Gives an endpoint a new secret, which it then holds, and keeps the answer in the same commit. The secret before
    /// signs as well for [`OVERLAP`].
    ///
    /// # Errors
    /// Where there is none.
    pub async fn rotate(
        &self,
        owner: Owner,
        id: EndpointId,
        answer: RecordFor<'_, Endpoint>,
    ) -> Result<Endpoint, WebhookError> {
        let mut endpoint = self.find(owner, id).await?;
        let until = self.clock.now().plus_seconds(u32::try_from(OVERLAP.as_secs()).unwrap_or(u32::MAX));
        let before = std::mem::replace(&mut endpoint.secret, new_secret()?);
        endpoint.previous_secret = Some((before, until));
        let answer = answer(&endpoint);
        if self.store.rotate_secret(id, &endpoint.secret, until, answer.as_ref()).await? {
            Ok(endpoint)
        } else {
            Err(WebhookError::NotFound)
        }
    }

    /// Sends to a disabled endpoint again from now on. What was skipped meanwhile can be replayed.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn enable(&self, owner: Owner, id: EndpointId) -> Result<Endpoint, WebhookError> {
        self.find(owner, id).await?;
        if !self.store.enable_endpoint(id).await? {
            return Err(WebhookError::NotFound);
        }
        self.find(owner, id).await
    }

    /// At most `limit` of an endpoint's deliveries, from the one before `before`.
    ///
    /// # Errors
    /// Where there is no such endpoint.
    pub async fn deliveries(
        &self,
        owner: Owner,
        id: EndpointId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page, WebhookError> {
        self.find(owner, id).await?;
        let mut deliveries = self.store.deliveries(id, before, limit.saturating_add(1)).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = deliveries.len() > wanted;
        deliveries.truncate(wanted);
        let next = deliveries.last().filter(|_| more).map(|last| last.id);
        Ok(Page { deliveries, next })
    }

    /// Sends a test event at once, to a disabled endpoint as well, and says how it went. It is not in the log.
    ///
    /// # Errors
    /// Where there is no such endpoint.
    pub async fn test(&self, owner: Owner, id: EndpointId) -> Result<TestReport, WebhookError> {
        let endpoint = self.find(owner, id).await?;
        let now = self.clock.now();
        let rendered = sample(now).and_then(|s| self.renderer.webhook(TEST_TYPE, None, &s, now).ok());
        let body = rendered.ok_or_else(|| Unavailable("the test event cannot be written".into()))?;
        let (message_id, timestamp) = (MessageId::random(), now.micros() / 1_000_000);
        let signature = sign(endpoint.secrets_at(now), &message_id.to_string(), timestamp, &body);
        let message = Message { id: message_id.to_string(), timestamp, signature, body: Bytes::from(body) };
        let attempt = self.transport.post(&endpoint.url, &message, now, TEST_DEADLINE).await.attempt;
        metrics::attempted(&attempt);
        Ok(TestReport { message_id, succeeded: attempt.verdict() == Verdict::Succeeded, attempt })
    }
}

fn new_secret() -> Result<SigningSecret, WebhookError> {
    SigningSecret::generate().map_err(|error| {
        tracing::error!(%error, "the system has no randomness to give");
        WebhookError::Unavailable(Unavailable("no randomness".into()))
    })
}
