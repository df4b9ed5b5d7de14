//! Every POST goes through here: a request that says again what was said before, under the same `Idempotency-Key`, gets
//! the same answer, and nothing is done twice.
//!
//! The answer is kept with its effect in one commit, so a process that dies between the two has either done nothing or
//! kept the answer. Where an effect may safely happen again (a sandbox quote or payout, which is a function of its
//! request; a replay, a test event, an endpoint enabled), the answer is kept right after it, before it goes out. So is
//! an answer that tells of no effect. An answer that cannot be kept is not given.
//!
//! The work runs in a task of its own. A client that hangs up does not end it, and its key stays taken until it ends.

mod answer;
mod call;
mod key;
mod running;

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::response::Response;
use payoutd_actors::ports::{Fingerprint, IdempotencyKeyHash, IdempotencyRecord, Unavailable};
use tracing::Instrument;

use super::body::JsonBody;
use super::router::ApiState;
use super::{Code, Principal, Problem};
use crate::idempotency::IdempotencyStore;
pub(super) use answer::Answer;
use answer::{is_final, replayed};
pub(super) use call::{Call, KeyedCall};
pub(super) use key::optional as key_in;
use running::{InFlightGuard, InFlightRequests};

/// Gives answers again.
pub struct Idempotency {
    answers: Arc<dyn IdempotencyStore>,
    keep_seconds: u32,
    running: InFlightRequests,
}

/// A request that has a key.
#[derive(Debug, Clone, Copy)]
struct Named {
    name: IdempotencyKeyHash,
    fingerprint: Fingerprint,
}

/// A call being done.
pub(super) struct Work {
    /// The edge it came to.
    pub(super) edge: ApiState,
    /// Whom it speaks for.
    pub(super) principal: Principal,
    /// What it says.
    pub(super) body: JsonBody,
    named: Option<Named>,
    handed_out: AtomicBool,
}

impl Idempotency {
    /// Keeps answers in `answers`, for `keep`.
    #[must_use]
    pub fn new(answers: Arc<dyn IdempotencyStore>, keep: Duration) -> Self {
        let keep_seconds = u32::try_from(keep.as_secs()).unwrap_or(u32::MAX);
        Self { answers, keep_seconds, running: InFlightRequests::default() }
    }

    fn begin(&self, Named { name, fingerprint }: Named) -> Result<InFlightGuard, Problem> {
        self.running.begin(name, fingerprint).map_err(|running| {
            if running != fingerprint {
                return conflict();
            }
            count("in_progress");
            Problem::new(
                Code::IdempotencyInProgress,
                "The first request with this Idempotency-Key is still being worked on; ask again for its answer.",
            )
        })
    }
}

impl Work {
    /// The answer as it is to be kept in the commit that does the work; nothing where the request has no key. Whoever
    /// takes it and succeeds has kept it.
    pub(super) fn keep(&self, answer: &Answer) -> Option<IdempotencyRecord> {
        let kept = self.named.map(|named| kept(&self.edge, named, answer));
        self.handed_out.fetch_or(kept.is_some(), Ordering::Relaxed);
        kept
    }
}

fn kept(edge: &ApiState, Named { name, fingerprint }: Named, answer: &Answer) -> IdempotencyRecord {
    let now = edge.payouts.now();
    IdempotencyRecord {
        key_hash: name,
        fingerprint,
        status: answer.status.as_u16(),
        location: answer.location.clone(),
        body: Arc::clone(&answer.body),
        created_at: now,
        expires_at: now.plus_seconds(edge.idempotency.keep_seconds),
    }
}

impl Call {
    /// Does the work, unless it was done before, and answers.
    pub(super) async fn once<W, F>(self, edge: &ApiState, work: W) -> Result<Response, Problem>
    where
        W: FnOnce(Arc<Work>) -> F + Send + 'static,
        F: Future<Output = Result<Answer, Problem>> + Send + 'static,
    {
        let turn = self.named.map(|named| edge.idempotency.begin(named)).transpose()?;
        let edge = Arc::clone(edge);
        let working = async move {
            let _turn = turn;
            self.answer(edge, work).await
        };
        match tokio::spawn(working.in_current_span()).await {
            Ok(answered) => answered,
            Err(died) => match died.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => Err(Problem::unavailable()),
            },
        }
    }

    async fn answer<W, F>(self, edge: ApiState, work: W) -> Result<Response, Problem>
    where
        W: FnOnce(Arc<Work>) -> F,
        F: Future<Output = Result<Answer, Problem>>,
    {
        let Self { principal, body, named, exchange } = self;
        let answers = Arc::clone(&edge.idempotency.answers);
        if let Some(named) = named {
            let before = answers.find_answer(named.name, edge.payouts.now()).await;
            if let Some(before) = before.map_err(|error| unavailable(&error))? {
                return again(before, named);
            }
        }
        let this = Arc::new(Work { edge, principal, body, named, handed_out: AtomicBool::new(false) });
        let done = work(Arc::clone(&this)).await;
        let Some(named) = named else { return done.map(Answer::into_response) };
        let answer = match &done {
            Ok(_) if this.handed_out.load(Ordering::Relaxed) => {
                count("first");
                return done.map(Answer::into_response);
            }
            Ok(answer) => answer.clone(),
            Err(problem) if is_final(problem.code()) => Answer::of(problem, exchange.as_deref()),
            Err(_) => return done.map(Answer::into_response),
        };
        let ours = kept(&this.edge, named, &answer);
        let kept = answers.keep_answer(&ours).await.map_err(|error| unavailable(&error))?;
        if kept == ours {
            count("first");
            return done.map(Answer::into_response);
        }
        // A process before this one was still at it when we looked. What it answered counts.
        again(kept, named)
    }
}

/// The answer to a request that was made before, if it was this one.
fn again(kept: IdempotencyRecord, named: Named) -> Result<Response, Problem> {
    if kept.fingerprint != named.fingerprint {
        return Err(conflict());
    }
    count("replayed");
    replayed(kept)
}

fn conflict() -> Problem {
    count("conflict");
    Problem::new(
        Code::IdempotencyConflict,
        "This Idempotency-Key was used for a request with another path or body; use a new key for a new request.",
    )
}

fn unavailable(error: &Unavailable) -> Problem {
    tracing::warn!(%error, "kept answers could not be asked for");
    Problem::unavailable()
}

fn count(result: &'static str) {
    metrics::counter!("payoutd_http_idempotent_requests_total", "result" => result).increment(1);
}
