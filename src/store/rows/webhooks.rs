use payoutd_actors::ports::Unavailable;
use payoutd_domain::{OrgId, PayoutId, Sequence};
use serde::Serialize;
use sqlx_macros::FromRow;
use uuid::Uuid;

use super::outbox::NewOutboxRow;
use super::{DecodeRow, InvalidColumn, decode, hex_uuid, invalid, parse};
use crate::store::db_timestamp::DbTimestamp;
use crate::webhooks::{
    Attempt, DeliveryBacklog, DeliveryStatus, DisabledReason, DueDelivery, Endpoint, EndpointId, EventType,
    NewDelivery, Outcome, RecordedAttempt, WebhookDelivery,
};

#[derive(Debug, FromRow)]
pub(in crate::store) struct EndpointRow {
    endpoint_id: Uuid,
    org_id: Uuid,
    mode: String,
    url: String,
    description: String,
    types: String,
    secret: String,
    previous_secret: Option<String>,
    previous_secret_until: Option<DbTimestamp>,
    endpoint_created_at: DbTimestamp,
    disabled_at: Option<DbTimestamp>,
    disabled_reason: Option<String>,
    failing_since: Option<DbTimestamp>,
}

impl TryFrom<EndpointRow> for Endpoint {
    type Error = InvalidColumn;

    fn try_from(row: EndpointRow) -> Result<Self, InvalidColumn> {
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

fn disabled_reason(text: &str) -> Result<DisabledReason, InvalidColumn> {
    let found = DisabledReason::ALL.into_iter().find(|reason| reason.as_str() == text);
    found.ok_or_else(|| invalid("disabled_reason")(text))
}

/// The column `types`: names of event types, separated by spaces.
pub(in crate::store) fn types_column(types: &[EventType]) -> String {
    let names: Vec<_> = types.iter().map(|kind| kind.as_str()).collect();
    names.join(" ")
}

/// A delivery to be inserted. The endpoint is another parameter, or found by the payout.
#[derive(Debug, Serialize)]
pub(in crate::store) struct NewDeliveryRow {
    #[serde(serialize_with = "hex_uuid")]
    pub(in crate::store) payout_id: Uuid,
    pub(in crate::store) sequence: i64,
    pub(in crate::store) r#type: &'static str,
    pub(in crate::store) created_at: DbTimestamp,
}

impl From<&NewOutboxRow> for NewDeliveryRow {
    fn from(message: &NewOutboxRow) -> Self {
        let NewOutboxRow { payout_id, sequence, kind, created_at, .. } = *message;
        Self { payout_id, sequence, r#type: kind, created_at }
    }
}

impl From<&NewDelivery> for NewDeliveryRow {
    fn from(delivery: &NewDelivery) -> Self {
        Self {
            payout_id: delivery.payout_id.0,
            sequence: delivery.sequence.0,
            r#type: delivery.kind.as_str(),
            created_at: delivery.committed_at.into(),
        }
    }
}

#[derive(Debug, FromRow)]
pub(in crate::store) struct DeliveryRow {
    id: i64,
    endpoint_id: Uuid,
    payout_id: Uuid,
    sequence: i64,
    r#type: String,
    status: String,
    attempts: i64,
    next_attempt_at: DbTimestamp,
    created_at: DbTimestamp,
    log: String,
}

impl TryFrom<DeliveryRow> for WebhookDelivery {
    type Error = InvalidColumn;

    fn try_from(row: DeliveryRow) -> Result<Self, InvalidColumn> {
        let status = DeliveryStatus::ALL.into_iter().find(|status| status.as_str() == row.status);
        Ok(Self {
            id: row.id,
            endpoint_id: EndpointId(row.endpoint_id),
            payout_id: PayoutId(row.payout_id),
            sequence: Sequence(row.sequence),
            kind: parse("type", &row.r#type)?,
            status: status.ok_or_else(|| invalid("status")(&row.status))?,
            attempts: u32::try_from(row.attempts).map_err(invalid("attempts"))?,
            next_attempt_at: row.next_attempt_at.0,
            created_at: row.created_at.0,
            log: serde_json::from_str(&row.log).map_err(invalid("log"))?,
        })
    }
}

#[derive(Debug, FromRow)]
pub(in crate::store) struct DueRow {
    #[sqlx(flatten)]
    delivery: DeliveryRow,
    #[sqlx(flatten)]
    endpoint: EndpointRow,
}

/// Decodes due deliveries. A delivery with an invalid row is logged and left out, so that the others are sent.
pub(in crate::store) fn decode_due<R: DecodeRow<DueRow>>(
    rows: &[R],
) -> Result<Vec<DueDelivery>, Unavailable> {
    let convert = |row: DueRow| {
        let id = row.delivery.id;
        let due = WebhookDelivery::try_from(row.delivery)
            .and_then(|delivery| Ok(DueDelivery { delivery, endpoint: row.endpoint.try_into()? }));
        due.inspect_err(|error| tracing::error!(delivery = id, %error, "the row of a delivery is invalid"))
            .ok()
    };
    Ok(decode(rows)?.into_iter().filter_map(convert).collect())
}

#[derive(Debug, FromRow)]
pub(in crate::store) struct DeliveryBacklogRow {
    waiting: i64,
    oldest_due: Option<DbTimestamp>,
    disabled_endpoints: i64,
}

impl From<DeliveryBacklogRow> for DeliveryBacklog {
    fn from(row: DeliveryBacklogRow) -> Self {
        Self {
            waiting: row.waiting.unsigned_abs(),
            oldest_due: row.oldest_due.map(|due| due.0),
            disabled_endpoints: row.disabled_endpoints.unsigned_abs(),
        }
    }
}

/// The columns that an attempt changes.
pub(in crate::store) struct AttemptRow {
    pub(in crate::store) status: &'static str,
    pub(in crate::store) next_attempt_at: DbTimestamp,
    /// The log as JSON.
    pub(in crate::store) log: String,
    /// The effect on the endpoint's `failing_since`: `succeeded` clears it, `failed` sets it, `nothing` keeps it.
    pub(in crate::store) effect: &'static str,
    /// The reason for which the endpoint is disabled, if it is.
    pub(in crate::store) disabled_reason: Option<&'static str>,
}

impl AttemptRow {
    pub(in crate::store) fn new(recorded: &RecordedAttempt) -> Result<Self, Unavailable> {
        let log: &Vec<Attempt> = &recorded.log;
        let log = serde_json::to_string(log).map_err(|error| Unavailable(error.to_string()))?;
        let waiting = DeliveryStatus::Waiting;
        let (status, next, effect, disabled_reason) = match recorded.outcome {
            Outcome::Succeeded => (DeliveryStatus::Succeeded, recorded.at, "succeeded", None),
            Outcome::RetryAt(when) => (waiting, when, "failed", None),
            Outcome::Deferred(when) => (waiting, when, "nothing", None),
            Outcome::Abandoned(reason) => {
                (DeliveryStatus::Failed, recorded.at, "failed", Some(reason.as_str()))
            }
        };
        Ok(Self { status: status.as_str(), next_attempt_at: DbTimestamp(next), log, effect, disabled_reason })
    }
}
