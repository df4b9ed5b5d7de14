//! Finds a payout of the caller.

use std::sync::Arc;

use payoutd_actors::ports::Unavailable;
use payoutd_domain::{PayoutId, Snapshot};

use crate::http::api::state::ApiState;
use crate::http::principal::Principal;
use crate::http::response::problem::Problem;

/// The payout with this id. `None` if it does not exist or belongs to another organisation or mode.
///
/// # Errors
/// Returns `unavailable` if the store cannot be read.
pub(super) async fn find_payout(
    state: &ApiState,
    principal: Principal,
    id: PayoutId,
) -> Result<Option<Arc<Snapshot>>, Problem> {
    let found = state.payouts.read(id).await.map_err(|error| store_unavailable(&error))?;
    Ok(found.filter(|snapshot| {
        let terms = &snapshot.payout.terms;
        terms.org == principal.org && terms.mode == principal.mode
    }))
}

/// The payout with this id.
///
/// # Errors
/// Returns `payout_not_found` if [`find_payout`] returns `None`, and its errors.
pub(super) async fn require_payout(
    state: &ApiState,
    principal: Principal,
    id: PayoutId,
) -> Result<Arc<Snapshot>, Problem> {
    find_payout(state, principal, id).await?.ok_or_else(Problem::payout_not_found)
}

/// Logs the error of a store.
pub(super) fn store_unavailable(error: &Unavailable) -> Problem {
    tracing::warn!(%error, "the store is unavailable");
    Problem::unavailable()
}
