//! `POST /payouts`: executes a quote. A quote becomes exactly one payout, however often and however late the request is
//! repeated.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use payoutd_actors::failpoint;
use payoutd_actors::reply::CreateError;
use payoutd_domain::{Mode, NewPayout, Payout, PayoutId, QuoteId, Snapshot, TrackingToken};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::find::{find_payout, store_unavailable};
use crate::http::api::idempotent_execution::Execution;
use crate::http::api::post_request::PostRequest;
use crate::http::api::post_response::PostResponse;
use crate::http::api::state::ApiState;
use crate::http::extract::trace_context::TraceContext;
use crate::http::principal::Principal;
use crate::http::response::problem::{Code, Problem};
use crate::quotes::{OpenError, Quote};
use crate::wire::CreatedBody;

/// A quote to be executed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewPayout")]
pub(in crate::http) struct CreateRequest {
    /// The quote. It contains all terms.
    #[schemars(length(min = 1, max = 128))]
    quote_id: String,
}

impl CreateRequest {
    /// The quote id, not validated yet.
    pub(in crate::http) fn into_quote_id(self) -> String {
        self.quote_id
    }
}

pub(in crate::http::api) async fn create(
    State(state): State<ApiState>,
    TraceContext(traceparent): TraceContext,
    request: PostRequest,
) -> Result<Response, Problem> {
    request
        .execute_once(&state, |execution| async move {
            let quote_id = execution.body.json::<CreateRequest>()?.into_quote_id();
            execute_quote(&execution, &quote_id, traceparent).await
        })
        .await
}

/// Creates the payout of a quote. In the sandbox, an existing payout of the quote is returned instead.
async fn execute_quote(
    execution: &Execution,
    quote_id: &str,
    traceparent: Option<Arc<str>>,
) -> Result<PostResponse, Problem> {
    let (state, principal) = (&execution.state, execution.principal);
    if !(1..=QuoteId::MAX_LEN).contains(&quote_id.chars().count()) {
        return Err(Problem::validation("quote_id", "quote_id: must be 1 to 128 characters."));
    }
    match state.quotes.open(principal.org, principal.mode, quote_id).await {
        Ok(quote) => create_payout(execution, &quote, traceparent).await,
        Err(OpenError::Expired) => {
            let expired = Problem::new(Code::QuoteExpired, "The quote has expired; ask for a new one.");
            respond_if_executed(state, principal, quote_id, expired.at("quote_id")).await
        }
        Err(OpenError::NotFound) => respond_if_executed(state, principal, quote_id, quote_not_found()).await,
        Err(OpenError::Unavailable(error)) => Err(store_unavailable(&error)),
    }
}

fn quote_not_found() -> Problem {
    Problem::new(Code::QuoteNotFound, "There is no quote with this id.").at("quote_id")
}

async fn create_payout(
    execution: &Execution,
    quote: &Quote,
    traceparent: Option<Arc<str>>,
) -> Result<PostResponse, Problem> {
    let (state, principal, terms) = (&execution.state, execution.principal, &quote.terms);
    if terms.org != principal.org || terms.mode != principal.mode {
        tracing::error!(quote_id = %terms.quote_id, "a quote of another account was opened; refused");
        return Err(quote_not_found());
    }
    let (id, tracking_token) = new_identity(state, principal, &terms.quote_id)?;
    // A list waits for this creation until the guard is dropped.
    let creation = state.payouts.begin_creation(principal.account());
    let payout = NewPayout { id, tracking_token, created_at: creation.at(), terms: Arc::clone(terms) };
    let response = created_response(state, &Payout::new(Arc::new(payout.clone())).snapshot())?;
    let record = match principal.mode {
        Mode::Live => execution.record(&response).map(Arc::new),
        // The payout in the store may have been created by another request with the same quote.
        Mode::Test => None,
    };
    failpoint::pass("creating");
    let result = state.payouts.create_with_record(payout, record, traceparent).await;
    drop(creation);
    failpoint::pass("created");
    match result {
        Ok(_) => Ok(response),
        Err(CreateError::QuoteUsed(used_by)) => {
            // If the payout has the id of this request, an earlier attempt of this commit succeeded.
            let conflict = (used_by != id).then(|| Problem::quote_already_used(used_by));
            respond_quote_used(state, principal, used_by, conflict).await
        }
        Err(CreateError::Unavailable(error)) => Err(store_unavailable(&error)),
    }
}

/// The response for a payout, which shows it as it was at its creation.
fn created_response(state: &ApiState, snapshot: &Snapshot) -> Result<PostResponse, Problem> {
    let payout = &snapshot.payout;
    let tracking_url = state.renderer.tracking_url(payout.tracking_token);
    let location = state.config.base_path.join(&format!("/payouts/{}", payout.id));
    let response = PostResponse::json(StatusCode::CREATED, &CreatedBody::new(snapshot, tracking_url))?;
    Ok(response.with_location(location))
}

/// The id and tracking token of a new payout: random in live mode, a function of the quote in the sandbox.
fn new_identity(
    state: &ApiState,
    principal: Principal,
    quote_id: &QuoteId,
) -> Result<(PayoutId, TrackingToken), Problem> {
    match principal.mode {
        Mode::Live => {
            let mut token = [0u8; 16];
            getrandom::fill(&mut token).map_err(|error| {
                tracing::error!(%error, "the system's random number generator failed");
                Problem::unavailable()
            })?;
            Ok((PayoutId(Uuid::now_v7()), TrackingToken(Uuid::from_bytes(token))))
        }
        Mode::Test => {
            let id = state.quotes.sandbox_payout_id(principal.org, quote_id);
            Ok((id, state.quotes.sandbox_tracking_token(id)))
        }
    }
}

/// Handles a quote that cannot be opened. If it was executed while it was valid, a client whose first request timed out
/// must learn of its payout. Otherwise returns `refusal`.
async fn respond_if_executed(
    state: &ApiState,
    principal: Principal,
    quote_id: &str,
    refusal: Problem,
) -> Result<PostResponse, Problem> {
    let Ok(quote_id) = quote_id.parse::<QuoteId>() else { return Err(refusal) };
    let used_by = state.quote_usage.payout_of_quote(&quote_id).await;
    match used_by.map_err(|error| store_unavailable(&error))? {
        None => Err(refusal),
        Some(id) if find_payout(state, principal, id).await?.is_none() => Err(refusal),
        Some(id) => respond_quote_used(state, principal, id, Some(Problem::quote_already_used(id))).await,
    }
}

/// The response for a quote that was executed before: `conflict` in live mode, the existing payout in the sandbox.
async fn respond_quote_used(
    state: &ApiState,
    principal: Principal,
    used_by: PayoutId,
    conflict: Option<Problem>,
) -> Result<PostResponse, Problem> {
    match (principal.mode, conflict) {
        (Mode::Live, Some(conflict)) => Err(conflict),
        (Mode::Live, None) | (Mode::Test, _) => {
            let payout = find_payout(state, principal, used_by).await?.ok_or_else(Problem::unavailable)?;
            created_response(state, &payout)
        }
    }
}
