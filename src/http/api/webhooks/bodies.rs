//! The response bodies of `/webhooks`.

use payoutd_domain::{PayoutId, Sequence, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::requests::encode_cursor;
use crate::contracts;
use crate::webhooks::{
    Attempt, DeliveryPage, DeliveryStatus, DisabledReason, Endpoint, EndpointId, EventType, MessageId,
    TestResult, WebhookDelivery,
};

/// Whether events are sent.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum EndpointStatus {
    Enabled,
    Disabled,
}

/// A webhook endpoint.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookEndpoint")]
pub(in crate::http) struct EndpointBody<'a> {
    #[schemars(with = "contracts::EndpointId")]
    id: EndpointId,
    /// Where events are posted to.
    #[schemars(url)]
    url: &'a str,
    /// What it is for, in your words.
    #[schemars(length(max = 255))]
    description: &'a str,
    /// The types of the events that are sent.
    types: &'a [EventType],
    /// Whether events are sent. `POST /webhooks/{id}/enable` enables a disabled endpoint.
    status: EndpointStatus,
    /// Since when it is disabled.
    #[schemars(with = "Option<contracts::Time>")]
    disabled_at: Option<Timestamp>,
    /// Why it is disabled.
    disabled_reason: Option<DisabledReason>,
    /// When it first failed since it last succeeded; null while it is well.
    #[schemars(with = "Option<contracts::Time>")]
    failing_since: Option<Timestamp>,
    /// When it was registered.
    #[schemars(with = "contracts::Time")]
    created_at: Timestamp,
    /// Until when the secret before the last rotation signs as well.
    #[schemars(with = "Option<contracts::Time>")]
    previous_secret_expires_at: Option<Timestamp>,
    /// What signs its events. Shown only when it was just made: keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        regex(pattern = r"^whsec_[A-Za-z0-9+/]+=*$"),
        example = &"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    )]
    secret: Option<String>,
}

impl<'a> EndpointBody<'a> {
    pub(super) fn new(endpoint: &'a Endpoint) -> Self {
        let disabled = endpoint.disabled;
        Self {
            id: endpoint.id,
            url: &endpoint.url,
            description: &endpoint.description,
            types: &endpoint.types,
            status: if disabled.is_some() { EndpointStatus::Disabled } else { EndpointStatus::Enabled },
            disabled_at: disabled.map(|(at, _)| at),
            disabled_reason: disabled.map(|(_, reason)| reason),
            failing_since: endpoint.failing_since,
            created_at: endpoint.created_at,
            previous_secret_expires_at: endpoint.previous_secret.as_ref().map(|(_, until)| *until),
            secret: None,
        }
    }

    pub(super) fn with_secret(endpoint: &'a Endpoint) -> Self {
        Self { secret: Some(endpoint.secret.expose()), ..Self::new(endpoint) }
    }
}

/// All webhook endpoints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookEndpoints")]
pub(in crate::http) struct ListBody<'a> {
    /// The oldest first.
    pub(super) data: Vec<EndpointBody<'a>>,
}

/// An event on its way to an endpoint, and every attempt to deliver it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookDelivery")]
struct DeliveryBody<'a> {
    #[schemars(with = "contracts::MessageId")]
    webhook_id: MessageId,
    r#type: EventType,
    #[schemars(with = "contracts::PayoutId")]
    payout_id: PayoutId,
    #[schemars(with = "contracts::Sequence")]
    sequence: Sequence,
    status: DeliveryStatus,
    /// When the change was recorded.
    #[schemars(with = "contracts::Time")]
    created_at: Timestamp,
    /// When it is tried next; null once it ended.
    #[schemars(with = "Option<contracts::Time>")]
    next_attempt_at: Option<Timestamp>,
    /// The last 20 attempts, oldest first.
    #[schemars(length(max = 20))]
    attempts: &'a [Attempt],
}

impl<'a> From<&'a WebhookDelivery> for DeliveryBody<'a> {
    fn from(delivery: &'a WebhookDelivery) -> Self {
        let is_waiting = delivery.status == DeliveryStatus::Waiting;
        Self {
            webhook_id: delivery.message_id(),
            r#type: delivery.kind,
            payout_id: delivery.payout_id,
            sequence: delivery.sequence,
            status: delivery.status,
            created_at: delivery.created_at,
            next_attempt_at: is_waiting.then_some(delivery.next_attempt_at),
            attempts: &delivery.log,
        }
    }
}

/// A page of deliveries.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookDeliveries")]
pub(in crate::http) struct DeliveriesBody<'a> {
    /// The newest first.
    data: Vec<DeliveryBody<'a>>,
    /// Asks for the next page; null on the last one.
    next_cursor: Option<String>,
}

impl<'a> DeliveriesBody<'a> {
    pub(super) fn new(page: &'a DeliveryPage) -> Self {
        Self {
            data: page.deliveries.iter().map(DeliveryBody::from).collect(),
            next_cursor: page.next.map(encode_cursor),
        }
    }
}

/// What a replay sets going.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookReplay")]
pub(in crate::http) struct ReplayBody {
    /// How many deliveries will be sent again.
    pub(super) count: u64,
}

/// What came of a test event.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookTest")]
pub(in crate::http) struct TestBody<'a> {
    #[schemars(with = "contracts::MessageId")]
    webhook_id: MessageId,
    #[schemars(extend("const" = "payout.test"))]
    r#type: &'static str,
    /// Whether the endpoint took it: only 2xx is success.
    succeeded: bool,
    attempt: &'a Attempt,
}

impl<'a> TestBody<'a> {
    pub(super) fn new(report: &'a TestResult) -> Self {
        let (webhook_id, succeeded) = (report.message_id, report.succeeded);
        Self { webhook_id, r#type: "payout.test", succeeded, attempt: &report.attempt }
    }
}
