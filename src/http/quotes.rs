//! `POST /payouts/quote`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use tracing::Instrument;

use super::body::StrictJson;
use super::idempotency::RequiredKey;
use super::router::Edge;
use super::{Code, Principal, Problem};
use crate::quotes::{OfferError, QuoteError, QuoteRequest};

/// Prices a payout.
pub(super) async fn quote(
    State(edge): State<Edge>,
    principal: Principal,
    _key: RequiredKey,
    StrictJson(request): StrictJson<QuoteRequest>,
) -> Result<Response, Problem> {
    let quoting = Arc::clone(&edge.quoting);
    // In a task of its own: a client that hangs up must not cut off a write.
    let quoting = async move { quoting.quote(principal.org, principal.mode, request).await };
    let quoted = tokio::spawn(quoting.in_current_span()).await;
    let offer = match quoted {
        Ok(quoted) => quoted.map_err(problem_of)?,
        Err(error) => {
            tracing::error!(%error, "a quote was not given");
            return Err(Problem::unavailable());
        }
    };
    let mut response = Response::new(Body::from(offer));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn problem_of(error: OfferError) -> Problem {
    let refused = match error {
        OfferError::Refused(refused) => refused,
        OfferError::Unavailable(error) => {
            tracing::warn!(%error, "a quote could not be kept");
            return Problem::unavailable();
        }
    };
    match refused {
        QuoteError::Validation { field, detail } => Problem::validation(field, detail),
        QuoteError::InvalidDestination { detail } => {
            Problem::new(Code::InvalidDestination, detail).at("destination")
        }
        QuoteError::UnsupportedAsset { detail } => Problem::new(Code::UnsupportedAsset, detail).at("asset"),
        QuoteError::UnsupportedRoute { field, detail } => {
            Problem::new(Code::UnsupportedRoute, detail).at(field)
        }
        QuoteError::AmountOutOfRange { detail } => Problem::new(Code::AmountOutOfRange, detail).at("amount"),
    }
}
