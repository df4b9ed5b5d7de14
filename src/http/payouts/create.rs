//! Executing a quote: exactly one payout comes of it, however often and however late the call is repeated.

use std::sync::Arc;

use axum::http::StatusCode;
use payoutd_actors::failpoint;
use payoutd_actors::reply::CreateError;
use payoutd_domain::{Mode, NewPayout, Payout, PayoutId, QuoteId, Snapshot, TrackingToken};
use uuid::Uuid;

use super::{find_own, store_unavailable};
use crate::http::idempotency::{Answer, Work};
use crate::http::router::ApiState;
use crate::http::{Code, Principal, Problem};
use crate::quotes::OpenError;
use crate::quotes::Quote;
use crate::wire::CreatedBody;

/// Creates the payout of a quote. In the sandbox, the payout that is there already is as good.
pub(super) async fn execute(
    work: &Work,
    quote_id: &str,
    traceparent: Option<Arc<str>>,
) -> Result<Answer, Problem> {
    let (edge, principal) = (&work.edge, work.principal);
    if !(1..=QuoteId::MAX_LEN).contains(&quote_id.chars().count()) {
        return Err(Problem::validation("quote_id", "quote_id: must be 1 to 128 characters."));
    }
    match edge.quoting.open(principal.org, principal.mode, quote_id).await {
        Ok(quote) => create(work, &quote, traceparent).await,
        Err(OpenError::Expired) => {
            let expired = Problem::new(Code::QuoteExpired, "The quote has expired; ask for a new one.");
            created_before(edge, principal, quote_id, expired.at("quote_id")).await
        }
        Err(OpenError::NotFound) => created_before(edge, principal, quote_id, quote_not_found()).await,
        Err(OpenError::Unavailable(error)) => Err(store_unavailable(&error)),
    }
}

fn quote_not_found() -> Problem {
    Problem::new(Code::QuoteNotFound, "There is no quote with this id.").at("quote_id")
}

async fn create(work: &Work, quote: &Quote, traceparent: Option<Arc<str>>) -> Result<Answer, Problem> {
    let (edge, principal, terms) = (&work.edge, work.principal, &quote.terms);
    if terms.org != principal.org || terms.mode != principal.mode {
        tracing::error!(quote_id = %terms.quote_id, "a quote was opened for somebody else; refused");
        return Err(quote_not_found());
    }
    let (id, tracking_token) = identity(edge, principal, &terms.quote_id)?;
    // A list waits for this creation until the guard is dropped.
    let creation = edge.payouts.begin_creation(terms.org, terms.mode);
    let payout = NewPayout { id, tracking_token, created_at: creation.at(), terms: Arc::clone(terms) };
    let answer = answer(edge, &Payout::new(Arc::new(payout.clone())).snapshot())?;
    let kept = match principal.mode {
        Mode::Live => work.keep(&answer).map(Arc::new),
        // The payout found in the store may come of another request just like this one.
        Mode::Test => None,
    };
    failpoint::pass("creating");
    let created = edge.payouts.create_with_record(payout, kept, traceparent).await;
    drop(creation);
    failpoint::pass("created");
    match created {
        Ok(_) => Ok(answer),
        // Our own id there means that an earlier try of this very commit came through.
        Err(CreateError::QuoteUsed(used_by)) => {
            let theirs = (used_by != id).then(|| Problem::quote_already_used(used_by));
            answer_used(edge, principal, used_by, theirs).await
        }
        Err(CreateError::Unavailable(error)) => Err(store_unavailable(&error)),
    }
}

/// What is answered of a payout: what it was when it was created.
fn answer(edge: &ApiState, snapshot: &Snapshot) -> Result<Answer, Problem> {
    let payout = &snapshot.payout;
    let tracking_url = edge.renderer.tracking_url(payout.tracking_token);
    let location = edge.config.base_path.join(&format!("/payouts/{}", payout.id));
    Ok(Answer::json(StatusCode::CREATED, &CreatedBody::new(snapshot, tracking_url))?.at(location))
}

/// What a new payout is known by: random for real money, a function of the quote in the sandbox.
fn identity(
    edge: &ApiState,
    principal: Principal,
    quote_id: &QuoteId,
) -> Result<(PayoutId, TrackingToken), Problem> {
    match principal.mode {
        Mode::Live => {
            let mut token = [0u8; 16];
            getrandom::fill(&mut token).map_err(|error| {
                tracing::error!(%error, "the system has no randomness to give");
                Problem::unavailable()
            })?;
            Ok((PayoutId(Uuid::now_v7()), TrackingToken(Uuid::from_bytes(token))))
        }
        Mode::Test => {
            let id = edge.quoting.sandbox_payout_id(principal.org, quote_id);
            Ok((id, edge.quoting.sandbox_tracking_token(id)))
        }
    }
}

/// A quote that cannot be opened any more may have been executed when it could be: a client whose first call timed
/// out must learn of its payout, not that the quote is over. Else `refusal`.
async fn created_before(
    edge: &ApiState,
    principal: Principal,
    quote_id: &str,
    refusal: Problem,
) -> Result<Answer, Problem> {
    let Ok(quote_id) = quote_id.parse::<QuoteId>() else { return Err(refusal) };
    let used_by = edge.created_from.payout_of_quote(&quote_id).await;
    match used_by.map_err(|error| store_unavailable(&error))? {
        None => Err(refusal),
        Some(id) if find_own(edge, principal, id).await?.is_none() => Err(refusal),
        Some(id) => answer_used(edge, principal, id, Some(Problem::quote_already_used(id))).await,
    }
}

/// The answer for a quote that backs a payout: `conflict` for real money, the same payout again in the sandbox.
async fn answer_used(
    edge: &ApiState,
    principal: Principal,
    used_by: PayoutId,
    conflict: Option<Problem>,
) -> Result<Answer, Problem> {
    match (principal.mode, conflict) {
        (Mode::Live, Some(conflict)) => Err(conflict),
        (Mode::Live, None) | (Mode::Test, _) => {
            let payout = find_own(edge, principal, used_by).await?.ok_or_else(Problem::unavailable)?;
            answer(edge, &payout)
        }
    }
}
