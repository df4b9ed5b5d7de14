//! What is answered.

use payoutd_actors::payout::{PayoutId, Sequence, Timestamp};
use serde::Serialize;

use super::requests::cursor;
use crate::webhooks::{
    Attempt, Delivery, DeliveryStatus, DisabledReason, Endpoint, EndpointId, EventType, MessageId, Page,
    TestReport,
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum EndpointStatus {
    Enabled,
    Disabled,
}

/// An endpoint as its owner sees it.
#[derive(Debug, Serialize)]
pub(super) struct EndpointBody<'a> {
    id: EndpointId,
    url: &'a str,
    description: &'a str,
    types: &'a [EventType],
    status: EndpointStatus,
    disabled_at: Option<Timestamp>,
    disabled_reason: Option<DisabledReason>,
    failing_since: Option<Timestamp>,
    created_at: Timestamp,
    previous_secret_expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
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

/// All endpoints.
#[derive(Debug, Serialize)]
pub(super) struct ListBody<'a> {
    pub(super) data: Vec<EndpointBody<'a>>,
}

/// A delivery and its attempts.
#[derive(Debug, Serialize)]
struct DeliveryBody<'a> {
    webhook_id: MessageId,
    r#type: EventType,
    payout_id: PayoutId,
    sequence: Sequence,
    status: DeliveryStatus,
    created_at: Timestamp,
    next_attempt_at: Option<Timestamp>,
    attempts: &'a [Attempt],
}

impl<'a> From<&'a Delivery> for DeliveryBody<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        let waits = delivery.status == DeliveryStatus::Waiting;
        Self {
            webhook_id: delivery.message_id(),
            r#type: delivery.kind,
            payout_id: delivery.payout_id,
            sequence: delivery.sequence,
            status: delivery.status,
            created_at: delivery.created_at,
            next_attempt_at: waits.then_some(delivery.next_attempt_at),
            attempts: &delivery.log,
        }
    }
}

/// A page of deliveries.
#[derive(Debug, Serialize)]
pub(super) struct DeliveriesBody<'a> {
    data: Vec<DeliveryBody<'a>>,
    next_cursor: Option<String>,
}

impl<'a> DeliveriesBody<'a> {
    pub(super) fn new(page: &'a Page) -> Self {
        Self {
            data: page.deliveries.iter().map(DeliveryBody::from).collect(),
            next_cursor: page.next.map(cursor),
        }
    }
}

/// How many deliveries will be sent again.
#[derive(Debug, Serialize)]
pub(super) struct ReplayBody {
    pub(super) count: u64,
}

/// What came of a test event.
#[derive(Debug, Serialize)]
pub(super) struct TestBody<'a> {
    webhook_id: MessageId,
    r#type: &'static str,
    succeeded: bool,
    attempt: &'a Attempt,
}

impl<'a> TestBody<'a> {
    pub(super) fn new(report: &'a TestReport) -> Self {
        let (webhook_id, succeeded) = (report.message_id, report.succeeded);
        Self { webhook_id, r#type: "payout.test", succeeded, attempt: &report.attempt }
    }
}
