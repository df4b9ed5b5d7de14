//! `GET /payouts`: pages of payouts, newest first.
//!
//! A reader that follows the cursors sees every payout that was there when it began exactly once, however many are created
//! meanwhile, and nothing that was created later: a first page waits for the creations that are under way, so nothing can
//! appear below it afterwards; and pages are told apart by time of creation and id, which never change. For the same
//! reason whoever lists again from the newest payout it knows on (`created_after`) misses none.

pub(in crate::http) mod cursor;
mod query;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use futures_util::future::try_join_all;
use payoutd_domain::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

pub(in crate::http) use self::query::ListQuery;
use super::{json, store_unavailable};
use crate::http::router::ApiState;
use crate::http::{Principal, Problem};
use crate::payout_query::PageCursor;
use crate::wire::PayoutBody;

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

/// Lists payouts.
pub(in crate::http) async fn list(
    State(edge): State<ApiState>,
    principal: Principal,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let ListQuery { filter, limit, place } = ListQuery::of(principal, query.as_deref(), &edge.cursors)?;
    let place = match place {
        Some(place) => place,
        None => beginning(edge.payouts.creation_watermark(principal.org, principal.mode).await),
    };
    let place = filter.created_before.map_or(place, |end| place.min(PageCursor::before(end)));
    // One more than is shown tells whether there is more.
    let page = edge.listing.page(&filter, place, edge.payouts.now(), limit + 1).await;
    let mut page = page.map_err(|error| store_unavailable(&error))?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = page.len() > wanted;
    page.truncate(wanted);
    let last = page.last().filter(|_| has_more).map(PageCursor::of);

    let shown = try_join_all(page.iter().map(|stored| edge.payouts.current_snapshot(stored))).await;
    let shown = shown.map_err(|error| store_unavailable(&error))?;
    json(&ListBody {
        // One that moved on since its row was read would contradict the filter.
        data: shown.iter().filter(|p| filter.matches(p)).map(|p| edge.renderer.payout(p)).collect(),
        has_more,
        next_cursor: last.map(|last| cursor::write(&edge.cursors, &filter, last)),
    })
}

/// The place before everything that is there for certain.
fn beginning(settled: Timestamp) -> PageCursor {
    let just_after = Timestamp::from_micros(settled.micros() + 1);
    PageCursor::before(just_after.unwrap_or(settled))
}
