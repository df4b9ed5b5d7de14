//! Rows of the tables, by aggregate, and their conversion to and from the types of the services.
//!
//! A `…Row` is read from or written to the database; where both happen, one type serves both. SQLite takes rows as a
//! JSON parameter, which holds binary columns in hex.

pub(super) mod api_keys;
pub(super) mod idempotency;
pub(super) mod outbox;
pub(super) mod parked_reports;
pub(super) mod payouts;
pub(super) mod planned_reports;
pub(super) mod quotes;
pub(super) mod terms;
pub(super) mod webhooks;

use std::fmt::Display;
use std::str::FromStr;

use payoutd_actors::ports::{BatchError, Unavailable};
use serde::Serializer;
use sqlx::{FromRow, Row};
use uuid::Uuid;

/// A column holds a value that no version of this program writes.
#[derive(Debug, thiserror::Error)]
#[error("invalid value in column {column}: {reason}")]
pub(super) struct InvalidColumn {
    column: &'static str,
    reason: String,
}

impl From<InvalidColumn> for Unavailable {
    fn from(invalid: InvalidColumn) -> Self {
        Self(invalid.to_string())
    }
}

pub(super) fn invalid<E: Display>(column: &'static str) -> impl Fn(E) -> InvalidColumn {
    move |reason| InvalidColumn { column, reason: reason.to_string() }
}

fn parse<T: FromStr<Err: Display>>(column: &'static str, text: &str) -> Result<T, InvalidColumn> {
    text.parse().map_err(invalid(column))
}

fn digest(column: &'static str, bytes: Vec<u8>) -> Result<[u8; 32], InvalidColumn> {
    bytes.try_into().map_err(|_| invalid(column)("not 32 bytes"))
}

/// A database row that can be decoded as a `T`.
pub(super) trait DecodeRow<T>: Row {
    fn decode_row(&self) -> Result<T, sqlx::Error>;
}

impl<R: Row, T: for<'r> FromRow<'r, R>> DecodeRow<T> for R {
    fn decode_row(&self) -> Result<T, sqlx::Error> {
        T::from_row(self)
    }
}

/// Decodes every row.
pub(super) fn decode<R: DecodeRow<T>, T>(rows: &[R]) -> Result<Vec<T>, Unavailable> {
    let decoded = rows.iter().map(R::decode_row).collect::<Result<_, _>>();
    decoded.map_err(|error| Unavailable(error.to_string()))
}

/// Decodes the first row, if any.
pub(super) fn decode_first<R: DecodeRow<T>, T>(rows: &[R]) -> Result<Option<T>, Unavailable> {
    let decoded = rows.first().map(R::decode_row).transpose();
    decoded.map_err(|error| Unavailable(error.to_string()))
}

/// Decodes every row and converts it to a type of a service.
pub(super) fn convert<R: DecodeRow<T>, T, U>(rows: &[R]) -> Result<Vec<U>, Unavailable>
where
    U: TryFrom<T, Error = InvalidColumn>,
{
    Ok(decode::<R, T>(rows)?.into_iter().map(U::try_from).collect::<Result<_, _>>()?)
}

/// Decodes the first row, if any, and converts it to a type of a service.
pub(super) fn convert_first<R: DecodeRow<T>, T, U>(rows: &[R]) -> Result<Option<U>, Unavailable>
where
    U: TryFrom<T, Error = InvalidColumn>,
{
    Ok(decode_first::<R, T>(rows)?.map(U::try_from).transpose()?)
}

/// Serializes a UUID as 32 hex digits.
fn hex_uuid<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&id.simple())
}

/// Serializes bytes as hex digits.
fn hex_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}

fn not_serializable(error: serde_json::Error) -> BatchError {
    BatchError::Rejected(format!("cannot be written as JSON: {error}"))
}
