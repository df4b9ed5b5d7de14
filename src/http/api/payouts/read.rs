//! `GET /payouts/{id}`: the current state of a payout, at once or as a long poll.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use payoutd_domain::{PayoutId, Sequence, Snapshot};

use super::find::require_payout;
use crate::http::api::state::ApiState;
use crate::http::extract::payout_id::PathPayoutId;
use crate::http::extract::query::{Parameters, after_sequence, whole_number};
use crate::http::middleware::deadline::within;
use crate::http::principal::Principal;
use crate::http::response::entity_tag;
use crate::http::response::json::json_response;
use crate::http::response::problem::Problem;

/// The maximum wait of a long poll, in seconds.
const MAX_WAIT_SECONDS: i64 = 60;
const WAIT_FORMAT: &str = "a whole number of seconds from 0 to 60";

/// The query of a poll.
#[derive(Debug, Default, PartialEq, Eq)]
struct PollQuery {
    /// How long to wait for a change. Zero responds at once.
    wait: Duration,
    /// The last change that the client has seen.
    after: Option<Sequence>,
}

impl PollQuery {
    fn parse(query: Option<&str>) -> Result<Self, Problem> {
        if query.is_none() {
            return Ok(Self::default());
        }
        let parameters = Parameters::parse(query, &["wait", "after_sequence"])?;
        let seconds = |text: &str| whole_number(text).filter(|seconds| *seconds <= MAX_WAIT_SECONDS);
        let wait = parameters.get("wait", WAIT_FORMAT, seconds)?.unwrap_or(0);
        Ok(Self { wait: Duration::from_secs(wait.unsigned_abs()), after: after_sequence(&parameters)? })
    }
}

/// Responds with a payout. A long poll extends the time limit of the request by its wait.
///
/// Partners poll more than anything else. This takes the whole request, because extractors would copy the headers.
pub(in crate::http::api) async fn read(
    State(state): State<ApiState>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let query = PollQuery::parse(parts.uri.query());
    let wait = query.as_ref().map_or(Duration::ZERO, |query| query.wait);
    let limit = state.config.request_timeout.saturating_add(wait);
    within(limit, poll(&state, &mut parts, query)).await.unwrap_or_else(|| Err(Problem::unavailable()))
}

async fn poll(
    state: &ApiState,
    parts: &mut Parts,
    query: Result<PollQuery, Problem>,
) -> Result<Response, Problem> {
    let principal = Principal::from_request_parts(parts, state).await?;
    let PathPayoutId(id) = PathPayoutId::from_request_parts(parts, state).await?;
    let (query, headers) = (query?, &parts.headers);
    let snapshot = if query.wait.is_zero() {
        require_payout(state, principal, id).await?
    } else {
        wait_for_change(state, principal, id, &query, headers).await?
    };
    payout_response(state, &snapshot, headers)
}

/// The payout once it has a change that the client has not seen, or its current state at the end of the wait.
async fn wait_for_change(
    state: &ApiState,
    principal: Principal,
    id: PayoutId,
    query: &PollQuery,
    headers: &HeaderMap,
) -> Result<Arc<Snapshot>, Problem> {
    // Subscribing before the read ensures that no change in between is missed.
    let mut subscription = state.payouts.subscribe(id);
    let snapshot = require_payout(state, principal, id).await?;
    let Some(seen) = newest_if_seen(query, headers, &snapshot) else { return Ok(snapshot) };
    let _permit = state.long_polls.acquire(principal)?;
    let mut shutdown = state.long_polls.shutdown();
    tokio::select! {
        changed = subscription.moved_past(seen) => return Ok(changed),
        () = tokio::time::sleep(query.wait) => {}
        () = shutdown.requested() => {}
    }
    require_payout(state, principal, id).await
}

/// The sequence that the client waits to be exceeded, or `None` if it has not seen the newest change. What it has seen
/// follows from `after_sequence`, or else from its entity tag. Without either, it has seen the newest change.
fn newest_if_seen(query: &PollQuery, headers: &HeaderMap, snapshot: &Snapshot) -> Option<Sequence> {
    match query.after {
        Some(after) => (snapshot.sequence <= after).then_some(after),
        None if !headers.contains_key(header::IF_NONE_MATCH) => Some(snapshot.sequence),
        None => entity_tag::matches(headers, snapshot.sequence).then_some(snapshot.sequence),
    }
}

fn payout_response(state: &ApiState, snapshot: &Snapshot, headers: &HeaderMap) -> Result<Response, Problem> {
    let mut response = if entity_tag::matches(headers, snapshot.sequence) {
        let mut not_modified = Response::new(Body::empty());
        *not_modified.status_mut() = StatusCode::NOT_MODIFIED;
        not_modified
    } else {
        json_response(StatusCode::OK, state.bodies().get(snapshot, &state.renderer)?)
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, entity_tag::etag(snapshot.sequence));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_a_whole_number_of_seconds_up_to_a_minute() {
        let query = PollQuery::parse(Some("wait=60&after_sequence=9223372036854775807")).unwrap();
        assert_eq!(query, PollQuery { wait: Duration::from_secs(60), after: Some(Sequence(i64::MAX)) });
        assert!(WAIT_FORMAT.ends_with(&format!(" {MAX_WAIT_SECONDS}")), "the message states the limit");
        assert_eq!(PollQuery::parse(None).unwrap(), PollQuery { wait: Duration::ZERO, after: None });
        for (query, field) in [
            ("wait=61", "wait"),
            ("wait=-1", "wait"),
            ("wait=1.5", "wait"),
            ("wait", "wait"),
            ("wait=1&wait=1", "wait"),
            ("after_sequence=x", "after_sequence"),
            ("after_sequence=-1", "after_sequence"),
            ("after_sequence=9223372036854775808", "after_sequence"),
            ("after=1", "after"),
        ] {
            assert_eq!(PollQuery::parse(Some(query)).unwrap_err().field(), Some(field), "{query}");
        }
    }
}
