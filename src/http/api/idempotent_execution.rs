//! Executes POST requests at most once per `Idempotency-Key`. A repeated request gets the stored response of the first.
//!
//! The record of a response is committed together with the write that it reports, so a process that is killed between
//! the two has done neither or both. If the write is safe to repeat (a sandbox quote or payout, which is a function of
//! its request; a replay, a test event, enabling an endpoint) or if there was none, the record is stored before the
//! response is sent. A response whose record cannot be stored is replaced by `unavailable`.
//!
//! A request is executed in a [request task](request_task): its key stays claimed until it has ended, even if the client
//! disconnects.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::Response;
use payoutd_actors::ports::{IdempotencyRecord, Unavailable};

use super::post_request::PostRequest;
use super::post_response::{PostResponse, is_final, replayed};
use super::request_task::request_task;
use super::state::ApiState;
use crate::http::extract::body::JsonBody;
use crate::http::principal::Principal;
use crate::http::response::problem::{Code, Problem};
use crate::idempotency::{ClaimError, IdempotencyContext};

/// What a handler gets for the execution of a POST request.
pub(super) struct Execution {
    pub(super) state: ApiState,
    pub(super) principal: Principal,
    pub(super) body: JsonBody,
    idempotency: Option<IdempotencyContext>,
    /// Whether the handler has taken a record to commit it with its write.
    record_taken: AtomicBool,
}

impl Execution {
    /// The record of `response`, to be committed with the write that the response reports. `None` if the request has no
    /// idempotency key. A handler that calls this and returns `Ok` has committed the record.
    pub(super) fn record(&self, response: &PostResponse) -> Option<IdempotencyRecord> {
        let record = self.idempotency.map(|context| record_of(&self.state, context, response));
        self.record_taken.fetch_or(record.is_some(), Ordering::Relaxed);
        record
    }
}

fn record_of(state: &ApiState, context: IdempotencyContext, response: &PostResponse) -> IdempotencyRecord {
    let PostResponse { status, location, body } = response.clone();
    state.idempotency.record(context, status.as_u16(), location, body, state.payouts.now())
}

impl PostRequest {
    /// Runs `handler` unless a request with the same idempotency key was executed before. Then its response is replayed.
    ///
    /// # Errors
    /// Returns the handler's problem, `idempotency_conflict` or `idempotency_in_progress` if the key belongs to another
    /// request, or `unavailable` if records cannot be read or written.
    pub(super) async fn execute_once<H, F>(self, state: &ApiState, handler: H) -> Result<Response, Problem>
    where
        H: FnOnce(Arc<Execution>) -> F + Send + 'static,
        F: Future<Output = Result<PostResponse, Problem>> + Send + 'static,
    {
        let claim = self.idempotency.map(|context| state.idempotency.claim(context));
        let claim = claim.transpose().map_err(claim_problem)?;
        let state = state.clone();
        request_task(async move {
            let _claim = claim;
            self.replay_or_execute(state, handler).await
        })
        .await?
    }

    async fn replay_or_execute<H, F>(self, state: ApiState, handler: H) -> Result<Response, Problem>
    where
        H: FnOnce(Arc<Execution>) -> F,
        F: Future<Output = Result<PostResponse, Problem>>,
    {
        let Self { principal, body, idempotency, context: request_context } = self;
        if let Some(context) = idempotency {
            let earlier = state.idempotency.find(context, state.payouts.now()).await;
            if let Some(earlier) = earlier.map_err(|error| records_unavailable(&error))? {
                return replay(earlier, context);
            }
        }
        let record_taken = AtomicBool::new(false);
        let execution = Arc::new(Execution { state, principal, body, idempotency, record_taken });
        let result = handler(Arc::clone(&execution)).await;
        let Some(context) = idempotency else { return result.map(PostResponse::into_response) };
        let response = match &result {
            Ok(_) if execution.record_taken.load(Ordering::Relaxed) => {
                count("first");
                return result.map(PostResponse::into_response);
            }
            Ok(response) => response.clone(),
            Err(problem) if is_final(problem.code()) => {
                PostResponse::of_problem(problem, request_context.as_deref())
            }
            Err(_) => return result.map(PostResponse::into_response),
        };
        let state = &execution.state;
        let ours = record_of(state, context, &response);
        let stored = state.idempotency.insert(&ours).await.map_err(|error| records_unavailable(&error))?;
        if stored == ours {
            count("first");
            return result.map(PostResponse::into_response);
        }
        // A request of a previous process was still in progress at the lookup. Its response counts.
        replay(stored, context)
    }
}

/// Replays a record if it belongs to the same request.
fn replay(record: IdempotencyRecord, context: IdempotencyContext) -> Result<Response, Problem> {
    if record.fingerprint != context.fingerprint {
        return Err(conflict());
    }
    count("replayed");
    replayed(record)
}

fn claim_problem(error: ClaimError) -> Problem {
    match error {
        ClaimError::Conflict => conflict(),
        ClaimError::InProgress => {
            count("in_progress");
            Problem::new(
                Code::IdempotencyInProgress,
                "The first request with this Idempotency-Key is still being worked on; ask again for its answer.",
            )
        }
    }
}

fn conflict() -> Problem {
    count("conflict");
    Problem::new(
        Code::IdempotencyConflict,
        "This Idempotency-Key was used for a request with another path or body; use a new key for a new request.",
    )
}

fn records_unavailable(error: &Unavailable) -> Problem {
    tracing::warn!(%error, "idempotency records are unavailable");
    Problem::unavailable()
}

fn count(result: &'static str) {
    metrics::counter!("payoutd_http_idempotent_requests_total", "result" => result).increment(1);
}
