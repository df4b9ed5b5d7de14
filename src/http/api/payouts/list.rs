//! `GET /payouts`: pages of payouts, newest first.
//!
//! A client that follows the cursors gets every payout that existed at the first page exactly once, and none that was
//! created later. The first page waits for pending creations, so no payout can appear below it afterwards. Positions
//! consist of creation time and id, which never change. For the same reason, a client that lists again with
//! `created_after` set to the newest payout that it knows misses none.

pub(in crate::http) mod cursor;
mod query;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use futures_util::future::try_join_all;
use payoutd_domain::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::find::store_unavailable;
use crate::http::api::state::ApiState;
use crate::http::principal::Principal;
use crate::http::response::json::ok_json;
use crate::http::response::problem::Problem;
use crate::payout_query::PageCursor;
use crate::wire::PayoutBody;
pub(in crate::http) use query::ListQuery;

/// A page of payouts.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Payouts")]
pub(in crate::http) struct ListBody<'a> {
    /// The newest first. A page may have fewer payouts than asked for, and more may follow.
    data: Vec<PayoutBody<'a>>,
    /// Whether more payouts follow.
    has_more: bool,
    /// Asks for the next page, with the same filters; null on the last one.
    next_cursor: Option<String>,
}

pub(in crate::http::api) async fn list(
    State(state): State<ApiState>,
    principal: Principal,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let ListQuery { filter, limit, position } =
        ListQuery::parse(principal, query.as_deref(), &state.cursor_signer)?;
    let position = match position {
        Some(position) => position,
        None => first_position(state.payouts.creation_watermark(principal.account()).await),
    };
    let position = filter.created_before.map_or(position, |end| position.min(PageCursor::before(end)));
    // One row more than the page holds shows whether there is another page.
    let rows = state.payout_query.page(&filter, position, state.payouts.now(), limit + 1).await;
    let mut rows = rows.map_err(|error| store_unavailable(&error))?;
    let page_size = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > page_size;
    rows.truncate(page_size);
    let last = rows.last().filter(|_| has_more).map(PageCursor::of);

    let payouts = try_join_all(rows.iter().map(|stored| state.payouts.current_snapshot(stored))).await;
    let payouts = payouts.map_err(|error| store_unavailable(&error))?;
    // A payout that has changed since its row was read may no longer match the filter.
    let matching = payouts.iter().filter(|payout| filter.matches(payout));
    ok_json(&ListBody {
        data: matching.map(|payout| state.renderer.payout(payout)).collect(),
        has_more,
        next_cursor: last.map(|last| cursor::encode(&state.cursor_signer, &filter, last)),
    })
}

/// The position before the newest payout of the list: just after the creation watermark.
fn first_position(watermark: Timestamp) -> PageCursor {
    let just_after = Timestamp::from_micros(watermark.micros() + 1);
    PageCursor::before(just_after.unwrap_or(watermark))
}
