//! `POST /payouts` and `GET /payouts/{id}`.

mod create;

use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use payoutd_actors::payout::{PayoutId, Snapshot};
use payoutd_actors::ports::Unavailable;
use serde::{Deserialize, Serialize};

use super::idempotency::Call;
use super::router::Edge;
use super::trace_context::TraceContext;
use super::{Principal, Problem, conditional};

/// What `POST /payouts` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateRequest {
    quote_id: String,
}

/// Executes a quote.
pub(super) async fn create(
    State(edge): State<Edge>,
    TraceContext(traceparent): TraceContext,
    call: Call,
) -> Result<Response, Problem> {
    call.once(&edge, |work| async move {
        let CreateRequest { quote_id } = work.body.json()?;
        create::execute(&work, &quote_id, traceparent).await
    })
    .await
}

/// Shows a payout as it is now. Query parameters mean nothing yet and are ignored.
pub(super) async fn read(
    State(edge): State<Edge>,
    principal: Principal,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = id.ok().and_then(|Path(id)| id.parse().ok()).ok_or_else(Problem::payout_not_found)?;
    let snapshot = own(&edge, principal, id).await?.ok_or_else(Problem::payout_not_found)?;
    let mut response = if conditional::is_known(&headers, snapshot.sequence) {
        let mut unchanged = Response::new(Body::empty());
        *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
        unchanged
    } else {
        json(&edge.renderer.payout(&snapshot))?
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, conditional::etag(snapshot.sequence));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// The payout, where it is the caller's own: another organisation's and the other mode's do not exist for it.
async fn own(edge: &Edge, principal: Principal, id: PayoutId) -> Result<Option<Arc<Snapshot>>, Problem> {
    let found = edge.payouts.read(id).await.map_err(|error| store_unavailable(&error))?;
    Ok(found.filter(|snapshot| {
        let terms = &snapshot.payout.terms;
        terms.org == principal.org && terms.mode == principal.mode
    }))
}

fn json(body: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(body).map_err(|error| unavailable(&error))?;
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn store_unavailable(error: &Unavailable) -> Problem {
    tracing::warn!(%error, "the store could not be asked");
    Problem::unavailable()
}

fn unavailable(error: &dyn fmt::Display) -> Problem {
    tracing::error!(%error, "an answer could not be written");
    Problem::unavailable()
}
