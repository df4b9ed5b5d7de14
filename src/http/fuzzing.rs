//! The parsers of the API, for the fuzz targets in `tests/fuzz`. The program does not use this module.

use axum::http::HeaderMap;
use payoutd_domain::Mode;

use super::api::payouts::{CreateRequest, ListQuery, cursor};
use super::extract::{auth, idempotency_key, json};
use super::principal::Principal;
use super::response::problem::Problem;
use crate::payout_query::{PageCursor, PayoutQuery};
use crate::quotes::{QuoteRequest, Signer};

/// Parses the body of `POST /payouts/quote`.
///
/// # Errors
/// Returns the problem of an invalid body.
pub fn quote_request(body: &[u8]) -> Result<QuoteRequest, Problem> {
    json::parse(body)
}

/// Parses the body of `POST /payouts` and returns the quote id.
///
/// # Errors
/// Returns the problem of an invalid body.
pub fn create_request(body: &[u8]) -> Result<String, Problem> {
    json::parse(body).map(CreateRequest::into_quote_id)
}

/// The API key in the headers and the mode that its prefix names, if the key is well-formed.
#[must_use]
pub fn api_key(headers: &HeaderMap) -> Option<(Mode, &str)> {
    auth::well_formed_key(headers)
}

/// The `Idempotency-Key` in the headers.
///
/// # Errors
/// Returns `malformed_request` if the key is invalid or the header occurs more than once.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    idempotency_key::optional(headers)
}

/// Parses the query of `GET /payouts` into the filter, the page size and the position.
///
/// # Errors
/// Returns the problem of an invalid query.
pub fn list(
    principal: Principal,
    query: &str,
    cursor_signer: &Signer,
) -> Result<(PayoutQuery, u32, Option<PageCursor>), Problem> {
    let ListQuery { filter, limit, position } = ListQuery::parse(principal, Some(query), cursor_signer)?;
    Ok((filter, limit, position))
}

/// Encodes a position of this list as a cursor.
#[must_use]
pub fn encode_cursor(signer: &Signer, filter: &PayoutQuery, position: PageCursor) -> String {
    cursor::encode(signer, filter, position)
}

/// Decodes a cursor of this list.
#[must_use]
pub fn decode_cursor(signer: &Signer, filter: &PayoutQuery, cursor: &str) -> Option<PageCursor> {
    cursor::decode(signer, filter, cursor)
}
