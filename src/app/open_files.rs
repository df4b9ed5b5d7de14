//! How many files the process may open: every connection is one, and the usual limit is below what is configured.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is open besides the partners' connections: the databases', the broker's, the operators', webhooks under way.
const OTHERS: u64 = 512;

/// Raises the process's own limit, as far as the system lets it, to what `connections` partners need. Says so where
/// that is not enough: connections beyond it wait until others end.
pub(super) fn allow(connections: usize) {
    let wanted = OTHERS.saturating_add(u64::try_from(connections).unwrap_or(u64::MAX));
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // No limit is written as `None`.
    let Some(before) = current.filter(|current| *current < wanted) else { return };
    let allowed = maximum.map_or(wanted, |maximum| wanted.min(maximum));
    let now = match setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum }) {
        Ok(()) => allowed,
        Err(_) => before,
    };
    if now < wanted {
        tracing::warn!(
            limit = now,
            wanted,
            "http.max_connections is more than the limit of open files allows; raise it (ulimit -n, LimitNOFILE)"
        );
    }
}
