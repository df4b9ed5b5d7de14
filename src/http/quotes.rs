//! `POST /payouts/quote`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::idempotency::{Answer, KeyedCall};
use super::router::ApiState;
use super::{Code, Problem};
use crate::quotes::{QuoteError, QuoteRefusal};

/// Prices a payout.
pub(super) async fn quote(
    State(edge): State<ApiState>,
    KeyedCall(call): KeyedCall,
) -> Result<Response, Problem> {
    call.once(&edge, |work| async move {
        let (org, mode, request) = (work.principal.org, work.principal.mode, work.body.json()?);
        let answer = |offer: &str| Answer::written(StatusCode::OK, offer.to_owned());
        let kept = |offer: &str| work.keep(&answer(offer));
        let offer = work.edge.quoting.quote(org, mode, request, &kept).await.map_err(problem_of)?;
        Ok(answer(&offer))
    })
    .await
}

fn problem_of(error: QuoteError) -> Problem {
    let refused = match error {
        QuoteError::Refused(refused) => refused,
        QuoteError::Unavailable(error) => {
            tracing::warn!(%error, "a quote could not be kept");
            return Problem::unavailable();
        }
    };
    match refused {
        QuoteRefusal::Validation { field, detail } => Problem::validation(field, detail),
        QuoteRefusal::InvalidDestination { detail } => {
            Problem::new(Code::InvalidDestination, detail).at("destination")
        }
        QuoteRefusal::UnsupportedAsset { detail } => Problem::new(Code::UnsupportedAsset, detail).at("asset"),
        QuoteRefusal::UnsupportedRoute { field, detail } => {
            Problem::new(Code::UnsupportedRoute, detail).at(field)
        }
        QuoteRefusal::AmountOutOfRange { detail } => {
            Problem::new(Code::AmountOutOfRange, detail).at("amount")
        }
    }
}
