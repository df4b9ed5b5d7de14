//! `/payouts`: executing quotes, and everything there is to see of what comes of them.

mod bodies;
mod create;
mod events;
mod list;
mod read;

use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use payoutd_actors::ports::Unavailable;
use payoutd_domain::{PayoutId, Snapshot};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::idempotency::Call;
use super::router::ApiState;
use super::trace_context::TraceContext;
use super::{Principal, Problem};

pub(super) use bodies::Bodies;
pub(super) use events::events;
pub(super) use list::{ListBody, ListQuery, cursor, list};
pub(super) use read::read;

/// A quote to be executed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewPayout")]
pub(super) struct CreateRequest {
    /// The quote. Every term is locked in it.
    #[schemars(length(min = 1, max = 128))]
    quote_id: String,
}

impl CreateRequest {
    /// The quote's id, not looked at yet.
    pub(super) fn into_quote_id(self) -> String {
        self.quote_id
    }
}

/// Executes a quote.
pub(super) async fn create(
    State(edge): State<ApiState>,
    TraceContext(traceparent): TraceContext,
    call: Call,
) -> Result<Response, Problem> {
    call.once(&edge, |work| async move {
        let quote_id = work.body.json::<CreateRequest>()?.into_quote_id();
        create::execute(&work, &quote_id, traceparent).await
    })
    .await
}

/// The id in the path. What cannot be one is the id of no payout.
pub(super) struct PathId(PayoutId);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = RawPathParams::from_request_parts(parts, state).await.ok();
        let id = path.and_then(|path| path.iter().next().and_then(|(_, id)| id.parse().ok()));
        id.map(Self).ok_or_else(Problem::payout_not_found)
    }
}

/// The payout, where it is the caller's own: another organisation's and the other mode's do not exist for it.
async fn own(edge: &ApiState, principal: Principal, id: PayoutId) -> Result<Arc<Snapshot>, Problem> {
    find_own(edge, principal, id).await?.ok_or_else(Problem::payout_not_found)
}

async fn find_own(
    edge: &ApiState,
    principal: Principal,
    id: PayoutId,
) -> Result<Option<Arc<Snapshot>>, Problem> {
    let found = edge.payouts.read(id).await.map_err(|error| store_unavailable(&error))?;
    Ok(found.filter(|snapshot| {
        let terms = &snapshot.payout.terms;
        terms.org == principal.org && terms.mode == principal.mode
    }))
}

fn json(body: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(body).map_err(|error| unavailable(&error))?;
    Ok(json_bytes(body.into()))
}

fn json_bytes(body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn store_unavailable(error: &Unavailable) -> Problem {
    tracing::warn!(%error, "the store could not be asked");
    Problem::unavailable()
}

fn unavailable(error: &dyn fmt::Display) -> Problem {
    tracing::error!(%error, "an answer could not be written");
    Problem::unavailable()
}
