//! What the edge reads, one reader at a time, for the fuzz targets in `tests/fuzz`. No part of the program uses these.

use axum::http::HeaderMap;
use payoutd_domain::Mode;

use super::{Principal, Problem, auth, idempotency, json, payouts};
use crate::payout_query::{PageCursor, PayoutQuery};
use crate::quotes::{QuoteRequest, Signer};

/// The body of `POST /payouts/quote`.
///
/// # Errors
/// Where it is none.
pub fn quote_request(body: &[u8]) -> Result<QuoteRequest, Problem> {
    json::parse(body)
}

/// The quote's id in the body of `POST /payouts`.
///
/// # Errors
/// Where it is none.
pub fn create_request(body: &[u8]) -> Result<String, Problem> {
    json::parse(body).map(payouts::CreateRequest::into_quote_id)
}

/// The API key among the headers, and the mode it says it opens.
#[must_use]
pub fn api_key(headers: &HeaderMap) -> Option<(Mode, &str)> {
    auth::well_formed_key(headers)
}

/// The `Idempotency-Key` among the headers.
///
/// # Errors
/// Where there are several, or it is none.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    idempotency::key_in(headers)
}

/// The query of `GET /payouts`: which payouts, how many, from where on.
///
/// # Errors
/// Where it is none.
pub fn list(
    principal: Principal,
    query: &str,
    cursors: &Signer,
) -> Result<(PayoutQuery, u32, Option<PageCursor>), Problem> {
    let payouts::ListQuery { filter, limit, place } =
        payouts::ListQuery::of(principal, Some(query), cursors)?;
    Ok((filter, limit, place))
}

/// The cursor that leads on after `place` in this list.
#[must_use]
pub fn cursor(signer: &Signer, filter: &PayoutQuery, place: PageCursor) -> String {
    payouts::cursor::write(signer, filter, place)
}

/// The place this cursor leads to in this list.
#[must_use]
pub fn place(signer: &Signer, filter: &PayoutQuery, cursor: &str) -> Option<PageCursor> {
    payouts::cursor::read(signer, filter, cursor)
}
