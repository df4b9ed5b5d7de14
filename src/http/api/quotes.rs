//! `POST /payouts/quote`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::post_request::KeyedPostRequest;
use super::post_response::PostResponse;
use super::state::ApiState;
use crate::http::response::problem::{Code, Problem};
use crate::quotes::{QuoteError, QuoteRefusal};

pub(super) async fn quote(
    State(state): State<ApiState>,
    KeyedPostRequest(request): KeyedPostRequest,
) -> Result<Response, Problem> {
    request
        .execute_once(&state, |execution| async move {
            let principal = execution.principal;
            let (org, mode, request) = (principal.org, principal.mode, execution.body.json()?);
            let response = |json: &str| PostResponse::rendered(StatusCode::OK, json.to_owned());
            let record_for = |json: &str| execution.record(&response(json));
            let quote = execution.state.quotes.quote(org, mode, request, &record_for).await;
            Ok(response(&quote.map_err(problem_of)?))
        })
        .await
}

fn problem_of(error: QuoteError) -> Problem {
    let refusal = match error {
        QuoteError::Refused(refusal) => refusal,
        QuoteError::Unavailable(error) => {
            tracing::warn!(%error, "a quote could not be stored");
            return Problem::unavailable();
        }
    };
    match refusal {
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
