//! Webhook endpoints and deliveries, to and from their rows.

use payoutd_actors::ports::Unavailable;
use payoutd_domain::{OrgId, PayoutId, Sequence};
use sqlx::FromRow;
use sqlx_macros::FromRow;
use uuid::Uuid;

use super::at::At;
use super::rows::{Damage, damaged, parse, read_rows};
use crate::webhooks::{
    Attempt, DeliveryBacklog, DeliveryStatus, DisabledReason, DueDelivery, Endpoint, EndpointId, EventType,
    Outcome, RecordedAttempt, WebhookDelivery,
};

#[derive(Debug, FromRow)]
pub(super) struct EndpointRow {
    endpoint_id: Uuid,
    org_id: Uuid,
    mode: String,
    url: String,
    description: String,
    types: String,
    secret: String,
    previous_secret: Option<String>,
    previous_secret_until: Option<At>,
    endpoint_created_at: At,
    disabled_at: Option<At>,
    disabled_reason: Option<String>,
    failing_since: Option<At>,
}

impl TryFrom<EndpointRow> for Endpoint {
    type Error = Damage;

    fn try_from(row: EndpointRow) -> Result<Self, Damage> {
        let previous = row.previous_secret.zip(row.previous_secret_until);
        let previous_secret =
            previous.map(|(secret, until)| Ok((parse("previous_secret", &secret)?, until.0))).transpose()?;
        let disabled = row.disabled_at.zip(row.disabled_reason);
        let disabled = disabled.map(|(at, reason)| Ok((at.0, disabled_reason(&reason)?))).transpose()?;
        Ok(Self {
            id: EndpointId(row.endpoint_id),
            org: OrgId(row.org_id),
            mode: parse("mode", &row.mode)?,
            url: row.url,
            description: row.description,
            types: row.types.split(' ').map(|kind| parse("types", kind)).collect::<Result<_, _>>()?,
            secret: parse("secret", &row.secret)?,
            previous_secret,
            created_at: row.endpoint_created_at.0,
            disabled,
            failing_since: row.failing_since.map(|since| since.0),
        })
    }
}

fn disabled_reason(text: &str) -> Result<DisabledReason, Damage> {
    let found = DisabledReason::ALL.into_iter().find(|reason| reason.as_str() == text);
    found.ok_or_else(|| damaged("disabled_reason")(text))
}

/// An endpoint's types as a column.
pub(super) fn types(types: &[EventType]) -> String {
    let names: Vec<_> = types.iter().map(|kind| kind.as_str()).collect();
    names.join(" ")
}

#[derive(Debug, FromRow)]
pub(super) struct DeliveryRow {
    id: i64,
    endpoint_id: Uuid,
    payout_id: Uuid,
    sequence: i64,
    r#type: String,
    status: String,
    attempts: i64,
    next_attempt_at: At,
    created_at: At,
    log: String,
}

impl TryFrom<DeliveryRow> for WebhookDelivery {
    type Error = Damage;

    fn try_from(row: DeliveryRow) -> Result<Self, Damage> {
        let status = DeliveryStatus::ALL.into_iter().find(|status| status.as_str() == row.status);
        Ok(Self {
            id: row.id,
            endpoint_id: EndpointId(row.endpoint_id),
            payout_id: PayoutId(row.payout_id),
            sequence: Sequence(row.sequence),
            kind: parse("type", &row.r#type)?,
            status: status.ok_or_else(|| damaged("status")(&row.status))?,
            attempts: u32::try_from(row.attempts).map_err(damaged("attempts"))?,
            next_attempt_at: row.next_attempt_at.0,
            created_at: row.created_at.0,
            log: serde_json::from_str(&row.log).map_err(damaged("log"))?,
        })
    }
}

#[derive(Debug, FromRow)]
pub(super) struct DueRow {
    #[sqlx(flatten)]
    delivery: DeliveryRow,
    #[sqlx(flatten)]
    endpoint: EndpointRow,
}

/// Reads due deliveries. One that is damaged must not keep the others from being sent.
pub(super) fn due<'r, R>(rows: &'r [R]) -> Result<Vec<DueDelivery>, Unavailable>
where
    R: sqlx::Row,
    DueRow: FromRow<'r, R>,
{
    let rows: Vec<DueRow> = read_rows(rows)?;
    let read = |row: DueRow| {
        let number = row.delivery.id;
        let due = WebhookDelivery::try_from(row.delivery)
            .and_then(|delivery| Ok(DueDelivery { delivery, endpoint: row.endpoint.try_into()? }));
        due.inspect_err(|damage| tracing::error!(delivery = number, %damage, "a webhook cannot be read")).ok()
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

#[derive(Debug, FromRow)]
pub(super) struct WaitingRow {
    waiting: i64,
    oldest_due: Option<At>,
    disabled_endpoints: i64,
}

impl From<WaitingRow> for DeliveryBacklog {
    fn from(row: WaitingRow) -> Self {
        Self {
            waiting: row.waiting.unsigned_abs(),
            oldest_due: row.oldest_due.map(|due| due.0),
            disabled_endpoints: row.disabled_endpoints.unsigned_abs(),
        }
    }
}

/// An attempt as columns.
pub(super) struct AttemptRecord {
    pub(super) status: &'static str,
    pub(super) next_attempt_at: At,
    pub(super) log: String,
    /// What it says of the endpoint: `succeeded`, `failed` or nothing.
    pub(super) effect: &'static str,
    pub(super) disables: Option<&'static str>,
}

impl AttemptRecord {
    pub(super) fn new(recorded: &RecordedAttempt) -> Result<Self, Unavailable> {
        let log: &Vec<Attempt> = &recorded.log;
        let log = serde_json::to_string(log).map_err(|error| Unavailable(error.to_string()))?;
        let waiting = DeliveryStatus::Waiting;
        let (status, next, effect, disables) = match recorded.outcome {
            Outcome::Succeeded => (DeliveryStatus::Succeeded, recorded.at, "succeeded", None),
            Outcome::RetryAt(when) => (waiting, when, "failed", None),
            Outcome::Deferred(when) => (waiting, when, "nothing", None),
            Outcome::Abandoned(reason) => {
                (DeliveryStatus::Failed, recorded.at, "failed", Some(reason.as_str()))
            }
        };
        Ok(Self { status: status.as_str(), next_attempt_at: At(next), log, effect, disables })
    }
}

/// How many deliveries are forgotten in one statement, and in one go.
pub(super) const FORGET_BATCH: i64 = 5000;
pub(super) const FORGET_ROUNDS: usize = 20;
