//! The payout id in a path.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use payoutd_domain::PayoutId;

use crate::http::response::problem::Problem;

/// The first path parameter as a payout id. A malformed id is `payout_not_found`.
pub(in crate::http) struct PathPayoutId(pub(in crate::http) PayoutId);

impl<S: Send + Sync> FromRequestParts<S> for PathPayoutId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parameters = RawPathParams::from_request_parts(parts, state).await.ok();
        let id = parameters.and_then(|all| all.iter().next().and_then(|(_, id)| id.parse().ok()));
        id.map(Self).ok_or_else(Problem::payout_not_found)
    }
}
