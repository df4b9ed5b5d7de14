//! Executing a quote: exactly one payout comes of it, however often and however late the call is repeated.

use std::sync::Arc;

use payoutd_actors::failpoint;
use payoutd_actors::payout::{Mode, NewPayout, PayoutId, QuoteId, Snapshot, TrackingToken};
use payoutd_actors::payouts::CreateError;
use uuid::Uuid;

use super::{own, store_unavailable};
use crate::http::router::Edge;
use crate::http::{Code, Principal, Problem};
use crate::quotes::OpenError;
use crate::quotes::Quote;

/// Creates the payout of a quote. In the sandbox, the payout that is there already is as good.
pub(super) async fn execute(
    edge: &Edge,
    principal: Principal,
    quote_id: &str,
    traceparent: Option<Arc<str>>,
) -> Result<Arc<Snapshot>, Problem> {
    if !(1..=QuoteId::MAX_LEN).contains(&quote_id.chars().count()) {
        return Err(Problem::validation("quote_id", "quote_id: must be 1 to 128 characters."));
    }
    match edge.quoting.open(principal.org, principal.mode, quote_id).await {
        Ok(quote) => create(edge, principal, &quote, traceparent).await,
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

async fn create(
    edge: &Edge,
    principal: Principal,
    quote: &Quote,
    traceparent: Option<Arc<str>>,
) -> Result<Arc<Snapshot>, Problem> {
    let terms = &quote.terms;
    if terms.org != principal.org || terms.mode != principal.mode {
        tracing::error!(quote_id = %terms.quote_id, "a quote was opened for somebody else; refused");
        return Err(quote_not_found());
    }
    let (id, tracking_token) = identity(edge, principal, &terms.quote_id)?;
    let payout = NewPayout { id, tracking_token, created_at: edge.payouts.now(), terms: Arc::clone(terms) };
    failpoint::pass("creating");
    let created = edge.payouts.create(payout, traceparent).await;
    failpoint::pass("created");
    match created {
        Ok(snapshot) => Ok(snapshot),
        // Our own id there means that an earlier try of this very commit came through.
        Err(CreateError::QuoteUsed(used_by)) => {
            let theirs = (used_by != id).then(|| Problem::quote_already_used(used_by));
            answer_used(edge, principal, used_by, theirs).await
        }
        Err(CreateError::Unavailable(error)) => Err(store_unavailable(&error)),
    }
}

/// What a new payout is known by: random for real money, a function of the quote in the sandbox.
fn identity(
    edge: &Edge,
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
    edge: &Edge,
    principal: Principal,
    quote_id: &str,
    refusal: Problem,
) -> Result<Arc<Snapshot>, Problem> {
    let Ok(quote_id) = quote_id.parse::<QuoteId>() else { return Err(refusal) };
    let used_by = edge.created_from.payout_of_quote(&quote_id).await;
    match used_by.map_err(|error| store_unavailable(&error))? {
        None => Err(refusal),
        Some(id) if own(edge, principal, id).await?.is_none() => Err(refusal),
        Some(id) => answer_used(edge, principal, id, Some(Problem::quote_already_used(id))).await,
    }
}

/// The answer for a quote that backs a payout: `conflict` for real money, the same payout again in the sandbox.
async fn answer_used(
    edge: &Edge,
    principal: Principal,
    used_by: PayoutId,
    conflict: Option<Problem>,
) -> Result<Arc<Snapshot>, Problem> {
    match (principal.mode, conflict) {
        (Mode::Live, Some(conflict)) => Err(conflict),
        (Mode::Live, None) | (Mode::Test, _) => {
            own(edge, principal, used_by).await?.ok_or_else(Problem::unavailable)
        }
    }
}
