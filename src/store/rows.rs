//! What is read back: rows, and the ports' types made of them.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use payoutd_actors::ports::{Fingerprint, IdempotencyKeyHash, IdempotencyRecord, Unavailable};
use payoutd_domain::{ChangeKind, Network, OrgId, PayoutId, ReportKey, Route, Sequence, Terms, Usd};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use sqlx::FromRow;
use sqlx_macros::FromRow;
use uuid::Uuid;

use super::at::At;
use crate::api_keys::{ApiKey, KeyDigest};
use crate::outbox::{Backlog, OutboxMessage};
use crate::quotes::Quote;
use crate::reports::ParkedReport;
use crate::sandbox::PlannedReport;

/// A row that no version of this program has written.
#[derive(Debug, thiserror::Error)]
#[error("damaged {column}: {why}")]
pub(super) struct Damage {
    column: &'static str,
    why: String,
}

impl From<Damage> for Unavailable {
    fn from(damage: Damage) -> Self {
        Self(damage.to_string())
    }
}

pub(super) fn damaged<E: Display>(column: &'static str) -> impl Fn(E) -> Damage {
    move |why| Damage { column, why: why.to_string() }
}

pub(super) fn parse<T: FromStr<Err: Display>>(column: &'static str, text: &str) -> Result<T, Damage> {
    text.parse().map_err(damaged(column))
}

#[derive(Debug, FromRow)]
pub(super) struct TermsRow {
    org_id: Uuid,
    mode: String,
    quote_id: String,
    external_ref: String,
    destination: String,
    asset: String,
    user_sends: String,
    recipient_gets: String,
    fee_total_usd: String,
    from_network: String,
    to_network: String,
    estimated_seconds: i64,
    seconds_after_broadcast: i64,
}

impl TryFrom<TermsRow> for Terms {
    type Error = Damage;

    fn try_from(row: TermsRow) -> Result<Self, Damage> {
        let seconds = |column, value: i64| u32::try_from(value).map_err(damaged(column));
        Ok(Self {
            org: OrgId(row.org_id),
            mode: parse("mode", &row.mode)?,
            quote_id: parse("quote_id", &row.quote_id)?,
            external_ref: row.external_ref.into(),
            destination: row.destination.into(),
            asset: row.asset.into(),
            user_sends: parse("user_sends", &row.user_sends)?,
            recipient_gets: parse("recipient_gets", &row.recipient_gets)?,
            fee_total: Usd(parse("fee_total_usd", &row.fee_total_usd)?),
            route: Route {
                from_network: Network::new(&row.from_network),
                to_network: Network::new(&row.to_network),
                estimated_seconds: seconds("estimated_seconds", row.estimated_seconds)?,
                seconds_after_broadcast: seconds("seconds_after_broadcast", row.seconds_after_broadcast)?,
            },
        })
    }
}

#[derive(Debug, FromRow)]
pub(super) struct QuoteRow {
    #[sqlx(flatten)]
    terms: TermsRow,
    created_at: At,
    expires_at: At,
}

impl TryFrom<QuoteRow> for Quote {
    type Error = Damage;

    fn try_from(row: QuoteRow) -> Result<Self, Damage> {
        Ok(Self {
            terms: Arc::new(row.terms.try_into()?),
            created_at: row.created_at.0,
            expires_at: row.expires_at.0,
        })
    }
}

#[derive(Debug, FromRow)]
pub(super) struct KeyRow {
    id: Uuid,
    org_id: Uuid,
    org_name: String,
    mode: String,
    digest: Vec<u8>,
    hint: String,
    created_at: At,
    expires_at: Option<At>,
}

impl TryFrom<KeyRow> for ApiKey {
    type Error = Damage;

    fn try_from(row: KeyRow) -> Result<Self, Damage> {
        let digest = row.digest.try_into().map_err(|_| damaged("digest")("not 32 bytes"))?;
        Ok(Self {
            id: row.id,
            org: OrgId(row.org_id),
            org_name: row.org_name,
            mode: parse("mode", &row.mode)?,
            digest: KeyDigest(digest),
            hint: row.hint,
            created_at: row.created_at.0,
            expires_at: row.expires_at.map(|end| end.0),
        })
    }
}

#[derive(Debug, FromRow)]
pub(super) struct MessageRow {
    id: i64,
    payout_id: Uuid,
    sequence: i64,
    mode: String,
    kind: String,
    routing_key: String,
    body: String,
    traceparent: Option<String>,
}

impl TryFrom<MessageRow> for OutboxMessage {
    type Error = Damage;

    fn try_from(row: MessageRow) -> Result<Self, Damage> {
        let kind: StrDeserializer<'_, ValueError> = row.kind.as_str().into_deserializer();
        Ok(Self {
            id: row.id,
            payout_id: PayoutId(row.payout_id),
            sequence: Sequence(row.sequence),
            mode: parse("mode", &row.mode)?,
            kind: ChangeKind::deserialize(kind).map_err(damaged("kind"))?,
            routing_key: row.routing_key,
            body: row.body,
            traceparent: row.traceparent,
        })
    }
}

#[derive(Debug, FromRow)]
pub(super) struct BacklogRow {
    waiting: i64,
    oldest: Option<At>,
}

impl From<BacklogRow> for Backlog {
    fn from(row: BacklogRow) -> Self {
        Self { pending: row.waiting.unsigned_abs(), oldest: row.oldest.map(|when| when.0) }
    }
}

#[derive(Debug, FromRow)]
pub(super) struct ParkedRow {
    payout_id: Uuid,
    source: String,
    report_id: String,
    body: String,
    traceparent: Option<String>,
    parked_at: At,
    expires_at: At,
}

impl From<ParkedRow> for ParkedReport {
    fn from(row: ParkedRow) -> Self {
        Self {
            payout_id: PayoutId(row.payout_id),
            key: ReportKey { source: row.source.into(), id: row.report_id.into() },
            body: row.body,
            traceparent: row.traceparent,
            parked_at: row.parked_at.0,
            expires_at: row.expires_at.0,
        }
    }
}

#[derive(Debug, FromRow)]
pub(super) struct PlannedRow {
    payout_id: Uuid,
    step: i64,
    due_at: At,
    body: String,
}

impl TryFrom<PlannedRow> for PlannedReport {
    type Error = Damage;

    fn try_from(row: PlannedRow) -> Result<Self, Damage> {
        Ok(Self {
            payout_id: PayoutId(row.payout_id),
            step: u32::try_from(row.step).map_err(damaged("step"))?,
            due_at: row.due_at.0,
            body: row.body,
        })
    }
}

#[derive(Debug, FromRow)]
pub(super) struct AnswerRow {
    name: Vec<u8>,
    fingerprint: Vec<u8>,
    status: i64,
    location: Option<String>,
    body: String,
    kept_at: At,
    expires_at: At,
}

impl TryFrom<AnswerRow> for IdempotencyRecord {
    type Error = Damage;

    fn try_from(row: AnswerRow) -> Result<Self, Damage> {
        let digest =
            |column, bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).map_err(|_| damaged(column)("not 32 bytes"));
        Ok(Self {
            key_hash: IdempotencyKeyHash(digest("name", row.name)?),
            fingerprint: Fingerprint(digest("fingerprint", row.fingerprint)?),
            status: u16::try_from(row.status).map_err(damaged("status"))?,
            location: row.location.map(Into::into),
            body: row.body.into(),
            created_at: row.kept_at.0,
            expires_at: row.expires_at.0,
        })
    }
}

/// Decodes rows of either database.
pub(super) fn read_rows<'r, R: sqlx::Row, T: FromRow<'r, R>>(rows: &'r [R]) -> Result<Vec<T>, Unavailable> {
    let decoded = rows.iter().map(T::from_row).collect::<Result<_, _>>();
    decoded.map_err(|error| Unavailable(error.to_string()))
}

/// Decodes rows and makes the ports' types of them.
pub(super) fn converted<'r, R, T, U>(rows: &'r [R]) -> Result<Vec<U>, Unavailable>
where
    R: sqlx::Row,
    T: FromRow<'r, R>,
    U: TryFrom<T, Error = Damage>,
{
    Ok(read_rows::<R, T>(rows)?.into_iter().map(U::try_from).collect::<Result<_, _>>()?)
}

/// The only row, if any.
pub(super) fn first<T>(rows: Vec<T>) -> Option<T> {
    rows.into_iter().next()
}
