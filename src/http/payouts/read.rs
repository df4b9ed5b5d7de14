//! `GET /payouts/{id}`: as it is now, or once it has moved.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use payoutd_domain::{PayoutId, Sequence, Snapshot};

use super::{PathId, json_bytes, own, unavailable};
use crate::http::query::{Parameters, whole_number};
use crate::http::router::ApiState;
use crate::http::{Principal, Problem, conditional, envelope};

/// The longest that a request waits, in seconds.
const MAX_WAIT_SECONDS: i64 = 60;
const WAIT: &str = "a whole number of seconds from 0 to 60";

/// What a poll asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Poll {
    /// How long to wait for the payout to move.
    wait: Duration,
    /// Past which change.
    after: Option<Sequence>,
}

impl Poll {
    fn of(query: Option<&str>) -> Result<Self, Problem> {
        if query.is_none() {
            return Ok(Self::default());
        }
        let parameters = Parameters::of(query, &["wait", "after_sequence"])?;
        let seconds = |text: &str| whole_number(text).filter(|seconds| *seconds <= MAX_WAIT_SECONDS);
        let wait = parameters.get("wait", WAIT, seconds)?.unwrap_or(0);
        Ok(Self { wait: Duration::from_secs(wait.unsigned_abs()), after: after_sequence(&parameters)? })
    }
}

/// The parameter of that name.
pub(super) fn after_sequence(parameters: &Parameters) -> Result<Option<Sequence>, Problem> {
    Ok(parameters.get("after_sequence", "a sequence: a whole number", whole_number)?.map(Sequence))
}

/// Shows a payout, in the time a request may take, besides the time it is to wait.
///
/// Partners poll far more than they do anything else, so this takes the request as it is: the extractors would copy what
/// is only looked at.
pub(in crate::http) async fn read(
    State(edge): State<ApiState>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let poll = Poll::of(parts.uri.query());
    let wait = poll.as_ref().map_or(Duration::ZERO, |poll| poll.wait);
    let limit = edge.config.request_timeout.saturating_add(wait);
    envelope::within(limit, show(&edge, &mut parts, poll))
        .await
        .unwrap_or_else(|| Err(Problem::unavailable()))
}

async fn show(edge: &ApiState, parts: &mut Parts, poll: Result<Poll, Problem>) -> Result<Response, Problem> {
    let principal = Principal::from_request_parts(parts, edge).await?;
    let PathId(id) = PathId::from_request_parts(parts, edge).await?;
    let (poll, headers) = (poll?, &parts.headers);
    let snapshot = if poll.wait.is_zero() {
        own(edge, principal, id).await?
    } else {
        once_moved(edge, principal, id, &poll, headers).await?
    };
    answer(edge, &snapshot, headers)
}

/// The payout once it has moved past what the client knows, or as it is when the wait is over. Costs nothing while
/// nothing happens.
async fn once_moved(
    edge: &ApiState,
    principal: Principal,
    id: PayoutId,
    poll: &Poll,
    headers: &HeaderMap,
) -> Result<Arc<Snapshot>, Problem> {
    // Before the payout is read, so that nothing happens in between unseen.
    let mut watch = edge.payouts.subscribe(id);
    let snapshot = own(edge, principal, id).await?;
    let Some(known) = known(poll, headers, &snapshot) else { return Ok(snapshot) };
    let _place = edge.waiting.place(principal)?;
    let mut stop = edge.waiting.stop();
    tokio::select! {
        moved = watch.moved_past(known) => return Ok(moved),
        () = tokio::time::sleep(poll.wait) => {}
        () = stop.requested() => {}
    }
    own(edge, principal, id).await
}

/// The newest change that the client has seen, and that it therefore waits for the end of; `None` where there is news for it
/// already. Without `after_sequence` the entity tag says what it has seen, and without either it has seen this.
fn known(poll: &Poll, headers: &HeaderMap, snapshot: &Snapshot) -> Option<Sequence> {
    match poll.after {
        Some(after) => (snapshot.sequence <= after).then_some(after),
        None if !headers.contains_key(header::IF_NONE_MATCH) => Some(snapshot.sequence),
        None => conditional::is_known(headers, snapshot.sequence).then_some(snapshot.sequence),
    }
}

fn answer(edge: &ApiState, snapshot: &Snapshot, headers: &HeaderMap) -> Result<Response, Problem> {
    let mut response = if conditional::is_known(headers, snapshot.sequence) {
        let mut unchanged = Response::new(Body::empty());
        *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
        unchanged
    } else {
        json_bytes(edge.bodies.of(snapshot, &edge.renderer).map_err(|error| unavailable(&error))?)
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, conditional::etag(snapshot.sequence));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_whole_seconds_up_to_a_minute() {
        let poll = Poll::of(Some("wait=60&after_sequence=9223372036854775807")).unwrap();
        assert_eq!(poll, Poll { wait: Duration::from_secs(60), after: Some(Sequence(i64::MAX)) });
        assert!(WAIT.ends_with(&format!(" {MAX_WAIT_SECONDS}")), "what is said is what holds");
        assert_eq!(Poll::of(None).unwrap(), Poll { wait: Duration::ZERO, after: None });
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
            assert_eq!(Poll::of(Some(query)).unwrap_err().field(), Some(field), "{query}");
        }
    }
}
